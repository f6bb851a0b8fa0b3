"""Claim, ExplanationOfBenefit → claim_line: charges, payments, and what was billed for.

Sources: FHIR R4 Claim, ExplanationOfBenefit; OMOP CDM 5.4 cost. Which lines become rows of omop is decided there, since
a visit, or the answer of the payer, may come later.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from pipelines.fhir.mapping.claim_money import Money, header_money, line_money, remainder
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    codings,
    concept_text,
    contained,
    end_of,
    first_code,
    local_date,
    patient_key,
    practitioner_key,
    reference_key,
    reference_type,
    start_of,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_OUTCOMES = ("complete", "partial")
_TYPES = ("institutional", "professional", "pharmacy")
_SETTINGS = ("inpatient", "outpatient")
_NO_CODE = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_ORGANISATIONS = ("Organization", None)
_PEOPLE = ("Patient", "RelatedPerson", "Person")
_RANKS = {
    "principal": "principal",
    "secondary": "secondary",
    "other": "secondary",
    "admitting": "admitting",
    "patientreasonforvisit": "patientreasonforvisit",
}
"""Ranks of diagnoses by the types of HL7 and CARIN; of several the first counts."""
_ON_ADMISSION = ("Y", "N", "U", "W", "1")
_DRG_EXTENSION = "https://bluebutton.cms.gov/resources/variables/clm_drg_cd"


def claim(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """What a provider charged, line by line."""
    return _lines(resource, context, profile, {"claim_key": context.key, "is_adjudicated": False})


def explanation_of_benefit(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """What a payer made of a claim, line by line."""
    of_claim = reference_key(context, resource.get("claim"), "Claim")
    return _lines(resource, context, profile, {"claim_key": of_claim, "is_adjudicated": True})


def _lines(resource: Resource, context: Context, profile: Profile, side: Row) -> Mapped | Excluded:
    person = patient_key(resource, context)
    status, use, outcome = (str(resource.get(name)) for name in ("status", "use", "outcome"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses[str(resource["resourceType"])]:
        return not_taken("status", status, person)
    if use != "claim":
        return not_taken("use", use, person)
    if side["is_adjudicated"] and outcome not in _OUTCOMES:
        return not_taken("outcome", outcome, person)
    items = [*(resource.get("item") or ()), *(resource.get("addItem") or ())]
    parts = [*items, *(resource.get("procedure") or ()), *(resource.get("diagnosis") or ())]
    if any(part.get("modifierExtension") for part in parts):
        # It may turn a line's meaning around.
        return Excluded("modifier_extension", person)
    billed = [line_money(item) for item in items]
    header = remainder(header_money(resource), billed)
    currencies = frozenset[str]().union(header.currencies, *(money.currencies for money in billed))
    if len(currencies) > 1:
        return Excluded("several_currencies", person)
    shared = {
        **side,
        "person_key": person,
        "claim_type": _claim_type(resource),
        "provider_key": practitioner_key(context, *_team(resource), resource.get("provider")),
        "coverage_key": _coverage(resource, context),
        "drg_codings": _drg(resource) or None,
    }
    visit = _visit(items, context)
    names = sorted(set(_named(resource, items, context))) or None
    recorded = list(_recorded_diagnoses(resource, context)) or None
    found = [
        *_header(resource, context, header),
        *_procedures(resource, context),
        *_items(resource, context, items, billed),
        *_diagnoses(resource, context),
    ]
    if names and not found:
        # What the claim names has labels for the answers to it, and the first line has the names.
        found = [_row(context, "header", 0, None, _day(resource))]
    rows = [
        {
            "visit_occurrence_key": visit,
            **shared,
            **row,
            "line_number": number,
            "named_keys": None if number else names,
            "recorded_diagnoses": None if number else recorded,
            "currency": min(currencies, default=None),
        }
        for number, row in enumerate(found)
    ]
    aliases = [] if side["is_adjudicated"] else alias_rows(context, resource)
    return Mapped({"claim_line": rows, "reference_alias": aliases}, person)


def _row(context: Context, kind: str, index: int, concept: Resource | None, day: date | None, **more: Any) -> Row:
    return {
        "claim_line_key": derived_key(str(context.key), kind, str(index)),
        "kind": kind,
        "codings": [coding for coding in codings(concept) if coding.get("system") != _NO_CODE],
        "code_text": concept_text(concept),
        "start_date": day,
        **more,
    }


def _amounts(money: Money) -> Row:
    return {name: float(amount) for name, amount in money.amounts.items()}


def _header(resource: Resource, context: Context, left: Money) -> Iterator[Row]:
    """A row where the header states what its lines don't."""
    if left.amounts:
        prescription = reference_key(context, resource.get("prescription"), "MedicationRequest")
        yield _row(context, "header", 0, None, _day(resource), event_key=prescription, **_amounts(left))


def _items(resource: Resource, context: Context, items: Sequence[Resource], billed: Sequence[Money]) -> Iterator[Row]:
    """A row of each item that states money or names what was done."""
    prescription = reference_key(context, resource.get("prescription"), "MedicationRequest")
    for index, (item, money) in enumerate(zip(items, billed, strict=True)):
        named, is_own = _named_by(item, resource, context)
        key = named or prescription
        row = _row(
            context,
            "item",
            index,
            # The claim's own procedure says what was done.
            None if is_own else item.get("productOrService"),
            local_date(start_of(item, "serviced")) or _day(resource),
            end_date=end_of(item, "serviced")[0],
            item_sequence=next(iter(item.get("itemSequence") or ()), item.get("sequence")),
            event_key=key,
            revenue_codings=codings(item.get("revenue")) or None,
            **_amounts(money),
        )
        own_visit = _visit([item], context)
        if own_visit is not None:
            row["visit_occurrence_key"] = own_visit
        if money.amounts or row["codings"]:
            yield row


def _named_by(item: Resource, resource: Resource, context: Context) -> tuple[int | None, bool]:
    """Key of the record, or of the claim's own procedure, that an item is about; and whether it is the claim's own."""
    for number in item.get("procedureSequence") or ():
        for index, part in enumerate(resource.get("procedure") or ()):
            if part.get("sequence") == number:
                if _concept(resource, part, "procedure") is not None:
                    return derived_key(str(context.key), "procedure", str(index)), True
                return reference_key(context, part.get("procedureReference"), "Procedure"), False
    for number in item.get("informationSequence") or ():
        for part in resource.get("supportingInfo") or ():
            if part.get("sequence") == number and part.get("valueReference"):
                return reference_key(context, part["valueReference"], _information(part["valueReference"])), False
    return None, False


def _information(reference: Resource | None) -> str:
    """Type of what supporting information leads to: an urn doesn't say it, and what claims name so are vaccinations."""
    return reference_type(reference) or "Immunization"


def _procedures(resource: Resource, context: Context) -> Iterator[Row]:
    for index, part in enumerate(resource.get("procedure") or ()):
        concept = _concept(resource, part, "procedure")
        if concept is not None:
            yield _row(context, "procedure", index, concept, local_date(part.get("date")) or _day(resource))


def _diagnoses(resource: Resource, context: Context) -> Iterator[Row]:
    """Diagnoses that no Condition stands for; one of several that were thought of is none."""
    for index, part, said in _told(resource):
        concept = _concept(resource, part, "diagnosis")
        if concept is not None:
            yield _row(context, "diagnosis", index, concept, _day(resource), **said)


def _recorded_diagnoses(resource: Resource, context: Context) -> Iterator[Row]:
    """What the claim says of the diagnoses that Conditions stand for."""
    for _index, part, said in _told(resource):
        key = reference_key(context, part.get("diagnosisReference"), "Condition")
        if key is not None and _concept(resource, part, "diagnosis") is None:
            yield {"condition_key": key, **said}


def _told(resource: Resource) -> Iterator[tuple[int, Resource, Row]]:
    """Diagnoses but differential ones: place, the element, rank and presence on admission."""
    for index, part in enumerate(resource.get("diagnosis") or ()):
        kinds = {coding["code"] for coding in codings(*(part.get("type") or ()))}
        if "differential" not in kinds:
            rank = next((rank for kind, rank in _RANKS.items() if kind in kinds), None)
            present = (coding["code"].upper() for coding in codings(part.get("onAdmission")))
            known = next((code for code in present if code in _ON_ADMISSION), None)
            yield index, part, {"diagnosis_type": rank, "on_admission": known}


def _concept(resource: Resource, part: Resource, name: str) -> Resource | None:
    """The code of a diagnosis or procedure, its own or of a contained resource; None if it is a record elsewhere."""
    own = part.get(f"{name}CodeableConcept")
    if own is None:
        own = (contained(resource, part.get(f"{name}Reference")) or {}).get("code")
    return own


def _day(resource: Resource) -> date | None:
    return local_date((resource.get("billablePeriod") or {}).get("start"))


def _visit(items: Sequence[Resource], context: Context) -> int | None:
    """Key of the first encounter that an item names."""
    named = (reference_key(context, part, "Encounter") for item in items for part in item.get("encounter") or ())
    return next((key for key in named if key is not None), None)


def _team(resource: Resource) -> list[Resource | None]:
    """References to who took part."""
    return [part.get("provider") for part in resource.get("careTeam") or ()]


def _named(resource: Resource, items: Sequence[Resource], context: Context) -> Iterator[int]:
    """Keys of the encounters, organisations, places, coverages and records that a claim names anywhere.

    A label of any of them holds for the whole claim, also where no line keeps the reference itself.
    """
    parts = [(part, "Encounter") for item in items for part in item.get("encounter") or ()]
    providers = [resource.get("provider"), resource.get("insurer"), *_team(resource)]
    providers += [part for item in resource.get("addItem") or () for part in item.get("provider") or ()]
    parts += [(part, "Organization") for part in providers if part and reference_type(part) in _ORGANISATIONS]
    parts += [(part.get("locationReference"), "Location") for part in items]
    parts += [(part.get("coverage"), "Coverage") for part in resource.get("insurance") or ()]
    parts += [(part.get("diagnosisReference"), "Condition") for part in resource.get("diagnosis") or ()]
    parts += [(part.get("procedureReference"), "Procedure") for part in resource.get("procedure") or ()]
    information = [part.get("valueReference") for part in resource.get("supportingInfo") or ()]
    parts += [(part, _information(part)) for part in information if reference_type(part) not in _PEOPLE]
    parts += [
        (resource.get("facility"), "Location"),
        (resource.get("referral"), "ServiceRequest"),
        (resource.get("prescription"), "MedicationRequest"),
        (resource.get("originalPrescription"), "MedicationRequest"),
    ]
    keys = (reference_key(context, part, kind) for part, kind in parts)
    return (key for key in keys if key is not None)


def _coverage(resource: Resource, context: Context) -> int | None:
    insured = sorted(resource.get("insurance") or (), key=lambda part: part.get("focal") is not True)
    return reference_key(context, insured[0].get("coverage"), "Coverage") if insured else None


def _claim_type(resource: Resource) -> str | None:
    """``professional``, ``pharmacy``, ``institutional``, or of the last the setting if it is told; else None."""
    kind = _first_of(_TYPES, resource.get("type"))
    setting = _first_of(_SETTINGS, resource.get("subType")) if kind == "institutional" else None
    return setting or kind


def _first_of(known: Sequence[str], concept: Resource | None) -> str | None:
    """The first code that is known, else the text of a concept without codes: sources put codes of their own first."""
    codes: list[str | None] = [coding["code"] for coding in codings(concept)]
    return next((code for code in codes or [first_code(concept)] if code in known), None)


def _drg(resource: Resource) -> list[dict[str, str]]:
    """The diagnosis-related group, as supporting information, package code or extension."""
    concepts = [
        part.get("code")
        for part in resource.get("supportingInfo") or ()
        if any(coding["code"] == "drg" for coding in codings(part.get("category")))
    ]
    concepts += [part.get("packageCode") for part in resource.get("diagnosis") or ()]
    concepts += [
        {"coding": [part.get("valueCoding") or {}]}
        for part in resource.get("extension") or ()
        if part.get("url") == _DRG_EXTENSION
    ]
    return next((found for found in (codings(concept) for concept in concepts) if found), [])
