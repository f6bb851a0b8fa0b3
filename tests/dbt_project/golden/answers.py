"""Golden cases of claims and answers as CARIN and BlueButton write them, and of those that say little."""

from typing import Any

from tests.dbt_project.golden import COLONOSCOPY, Case, Resource, key, procedure
from tests.dbt_project.golden.case import at
from tests.dbt_project.golden.claims import (
    BLUE_BUTTON,
    INSTITUTIONAL,
    adjudged,
    answer_of,
    at_visit,
    claim_of,
    costs,
    diagnosis_of,
    dollars,
    item_of,
    line_of,
    on_visit,
)
from tests.dbt_project.population import coded

_CLAIM_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"
_ROLE_OID = "2.25.1471"


def _typed(*codings: tuple[str, str]) -> Resource:
    return {"coding": [{"system": system, "code": code} for system, code in codings]}


def _stay(name: str, charge: float | None, paid: float | None, item: Resource | None = None, **parts: Any) -> Case:
    """A payer's answer for a visit, with one item, and its one cost: of the item if that states money."""
    answer = answer_of(name, item=[item_of(**at_visit(name), **(item or {}))], **parts)
    return costs(name, [answer], [on_visit(name, charge, paid)])


_STATED = adjudged(submitted=2650, paidtoprovider=620)

TOTALS = [
    _stay("stay-stated-twice", 2650, 620, total=_STATED, adjudication=_STATED, payment={"amount": dollars(620)}),
    _stay("stay-stated-thrice", 2650, 620, {"adjudication": _STATED}, total=_STATED, adjudication=_STATED),
    _stay("stay-stated-in-parts", 2650, 620, total=adjudged(submitted=2650), adjudication=adjudged(benefit=620)),
    _stay("stay-stated-by-its-adjudication", 2650, 620, adjudication=_STATED),
    _stay("stay-paid-in-other-money", 2650, 620, total=_STATED, payment={"amount": dollars(600, "EUR")}),
    costs(
        "stay-stated-beyond-its-items",
        [answer_of("stay-stated-beyond-its-items", total=_STATED, adjudication=_STATED, item=[
            item_of(adjudication=adjudged(submitted=2000, paidtoprovider=620),
                    **at_visit("stay-stated-beyond-its-items"))])],
        [on_visit("stay-stated-beyond-its-items", 2000, 620), on_visit("stay-stated-beyond-its-items", 650, None)],
    ),
]  # fmt: skip


def _charged(name: str, kind: int, code: str = "AMB", **parts: Any) -> Case:
    claim = claim_of(name, item=[item_of(net=dollars(100), **at_visit(name))], **parts)
    return costs(name, [claim], [on_visit(name, 100, None, kind)], code=code)


KINDS = [
    _charged("type-of-blue-button", 32854, "IMP", type=_typed(
        (f"{BLUE_BUTTON}/nch_clm_type_cd", "60"), (f"{BLUE_BUTTON}/eob-type", "INPATIENT"),
        (_CLAIM_TYPE, "institutional"))),
    _charged("type-after-another", 32869, type=_typed(("urn:local", "PDE"), (_CLAIM_TYPE, "pharmacy"))),
    _charged("setting-after-another", 32854, type=INSTITUTIONAL,
             subType=_typed(("urn:local", "ward"), ("urn:subtype", "inpatient"))),
]  # fmt: skip

_DR_OID = [
    {"resourceType": "Practitioner", "id": "dr-oid"},
    {"resourceType": "PractitionerRole", "id": _ROLE_OID, "practitioner": at("Practitioner", "dr-oid")},
]

SAID_LITTLE = [
    Case("provider-by-role",
         [*_DR_OID, answer_of("provider-by-role", diagnosis=diagnosis_of(), careTeam=[
             {"sequence": 1, "provider": at("Organization", "state-payer")},
             {"sequence": 2, "provider": {"reference": f"urn:oid:{_ROLE_OID}", "type": "PractitionerRole"}}])],
         "omop.condition_occurrence", "provider_id", [(key("Practitioner", "dr-oid"),)]),
    # That it was the principal diagnosis says nothing of how the disease stands.
    Case("diagnosis-as-its-source-said", [answer_of("diagnosis-as-its-source-said", diagnosis=diagnosis_of())],
         "omop.event_source", "kind, clinical_status, is_record_of_care", [("claim", None, False)]),
    Case("diagnosis-by-its-rank", [answer_of("diagnosis-by-its-rank", diagnosis=diagnosis_of())],
         "omop.condition_occurrence", "condition_status_concept_id, condition_status_source_value",
         [(32902, "principal")]),
    Case("record-of-care", [procedure("record-of-care", COLONOSCOPY, status="completed")],
         "omop.event_source", "kind, is_record_of_care", [(None, True)]),
    Case("diagnosis-in-words", [claim_of("diagnosis-in-words", diagnosis=diagnosis_of({"text": "sugar"}))],
         "omop.condition_occurrence", "person_id", []),
    Case("procedure-in-words",
         [claim_of("procedure-in-words", procedure=[{"sequence": 1, "procedureCodeableConcept": {"text": "scope"}}])],
         "omop.procedure_occurrence", "person_id", []),
    # It answers nothing: what the claim charges stands.
    costs("answer-of-no-lines",
          [claim_of("answer-of-no-lines", item=[item_of(net=dollars(100), **at_visit("answer-of-no-lines"))]),
           answer_of("answer-of-no-lines", claim=at("Claim", "answer-of-no-lines-claim"))],
          [on_visit("answer-of-no-lines", 100, None)]),
    Case("claim-of-names-only", [claim_of("claim-of-names-only", item=[
        item_of(coded("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown"))])],
        "features.patient_timeline", "cdm_table", []),
]  # fmt: skip

ANSWERS = [*TOTALS, *KINDS, *SAID_LITTLE]
DROPPED = [
    ("claim_line", line_of(name, kind, *side), reason) for name, kind, reason, *side in (
        ("diagnosis-in-words", "diagnosis", "no_code"),
        ("procedure-in-words", "procedure", "no_code"),
        ("claim-of-names-only", "header", "no_code"),
        ("answer-of-no-lines", "header", "no_code", "ExplanationOfBenefit", "answer"),
        *((f"stay-stated-{how}", "item", "told_by_visit", "ExplanationOfBenefit", "answer")
          for how in ("twice", "in-parts", "by-its-adjudication")),
        ("stay-paid-in-other-money", "item", "told_by_visit", "ExplanationOfBenefit", "answer"),
    )
]  # fmt: skip
