"""Coverage → payer_plan_period, and what Medicare's says of entitlement → measurement.

Sources: OMOP CDM 5.4 payer_plan_period; FHIR R4 Coverage; CMSgov/beneficiary-fhir-data, CoverageTransformerV2, for the
variables of CMS that Blue Button and BCDA write as extensions.

Numbers by which a payer knows its members (subscriberId, identifiers, values of classes) stay in landing, and so does
who the subscriber is: any pseudonym of that person that a family shares would lead back to them.
"""

import re
from collections.abc import Iterator
from datetime import date

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    codings,
    contained,
    extension,
    first_code,
    local_date,
    patient_key,
    period_of,
    reference_key,
    reference_type,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_PEOPLE = ("Patient", "RelatedPerson")
_CMS = "https://bluebutton.cms.gov/resources/variables"
_OF_MEDICARE = re.compile(r"Part [A-D]")
_ENTITLEMENT = {
    "orec": "Original reason for entitlement",
    "crec": "Current reason for entitlement",
    "esrd_ind": "End-stage renal disease",
}
_OF_A_MONTH = {"dual_": "Medicare and Medicaid dual eligibility", "buyin": "Entitlement and buy-in"}


def coverage(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """What a patient is insured by, and when.

    Raises:
        ValueError: a bound of the period is there and is no date.
    """
    person = patient_key({"subject": resource.get("beneficiary")}, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Coverage"]:
        return not_taken("status", status, person)
    start, end = period_of(resource.get("period"))
    row: Row = {
        "payer_plan_period_key": context.key,
        "person_key": person,
        "status": status,
        "start_date": start,
        "end_date": end,
        "type_codings": codings(resource.get("type")) or None,
        **_payer(resource, context),
        "plan_name": _plan(resource),
    }
    rows = {
        "payer_plan_period": [row],
        "measurement": [{"person_key": person, **said} for said in _entitlement(resource, context, start)],
        "reference_alias": alias_rows(context, resource),
    }
    return Mapped(rows, person)


def _entitlement(resource: Resource, context: Context, start: date | None) -> Iterator[Row]:
    """A row of each variable of CMS that says why, how and when somebody is entitled: the variable and its answer.

    What is said of a month is dated by that month of the reference year, the current reason by the year, the original
    one by the coverage's first day; without a reference year nobody knows which months are meant.
    """
    reference = local_date((extension(resource, f"{_CMS}/rfrnc_yr") or {}).get("valueDate"))
    year = reference and reference.replace(month=1, day=1)
    answers = {part.get("url"): codings({"coding": [part["valueCoding"]]}) for part in _with_coding(resource)}
    days: list[tuple[str, str, date | None]] = [
        (name, words, (start or year) if name == "orec" else (year or start)) for name, words in _ENTITLEMENT.items()
    ]
    days += [
        (f"{stem}{month:02d}", words, year and year.replace(month=month))
        for stem, words in _OF_A_MONTH.items()
        for month in range(1, 13)
    ]
    for name, words, day in days:
        answer = answers.get(f"{_CMS}/{name}")
        if answer:
            yield {
                "measurement_key": derived_key(str(context.key), "entitlement", name),
                "codings": [{"system": _CMS, "code": name, "display": words}],
                "code_text": words,
                "category": "coverage",
                "categories": ["coverage"],
                "status": "final",
                "measurement_date": day,
                "value_codings": answer,
                "value_text": answer[0].get("display"),
                "has_effective_time": day is not None,
            }


def _with_coding(resource: Resource) -> list[Resource]:
    return [part for part in resource.get("extension") or () if part.get("valueCoding")]


def _payer(resource: Resource, context: Context) -> Row:
    """The first payor that is an organisation, by key and by name; a person who pays is named by nothing.

    Words beside a reference are an organisation's name only where the reference says that it leads to one.
    """
    payors = resource.get("payor") or ()
    for payor in payors:
        inside = contained(resource, payor)
        kind = reference_type(payor) if inside is None else inside.get("resourceType")
        if kind == "Organization":
            name = payor.get("display") if inside is None else inside.get("name")
            return {"care_site_key": reference_key(context, payor, "Organization"), "payer_name": name}
        if kind is None and reference_key(context, payor, "Organization") is not None:
            return {"care_site_key": reference_key(context, payor, "Organization"), "payer_name": None}
    is_a_person = any(reference_type(payor) in _PEOPLE for payor in payors)
    return {"care_site_key": None, "payer_name": "self" if is_a_person else None}


def _plan(resource: Resource) -> str | None:
    """Name of the plan; its value may be a member's number and stays in landing, but for a part of Medicare."""
    for part in resource.get("class") or ():
        if first_code(part.get("type")) == "plan":
            if part.get("name"):
                return str(part["name"])
            if _OF_MEDICARE.fullmatch(str(part.get("value"))):
                return str(part["value"])
    return None
