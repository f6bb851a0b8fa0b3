"""Golden cases of coverages."""

from typing import Any

from tests.dbt_project.golden import Case, Resource, key
from tests.dbt_project.population import coded

SOPT = "https://nahdo.org/sopt"
MEDICAID = 2100000011
CONCEPTS = [(MEDICAID, "Medicaid", "Payer", "SOPT", "2")]
PAYER_UUID = "5d2e1f0a-0000-4000-8000-0000000000aa"
PAYERS = [
    {"resourceType": "Organization", "id": "state-payer", "name": "State Medicaid"},
    {"resourceType": "Organization", "id": PAYER_UUID, "name": "Uuid Mutual"},
]


def covered(person: str, name: str | None = None, **parts: Any) -> Resource:
    given = {
        "status": "active",
        "beneficiary": {"reference": f"Patient/{person}"},
        "payor": [{"reference": "Organization/state-payer"}],
        "period": {"start": "2025-01-01", "end": "2025-12-31"},
    }
    return {"resourceType": "Coverage", "id": name or f"{person}-coverage", **(given | parts)}


_PERIOD = "payer_plan_period_start_date::text, payer_plan_period_end_date::text, payer_source_value"
_YEAR = ("2025-01-01", "2025-12-31")


def _insured(name: str, *expected: tuple[Any, ...], columns: str = _PERIOD, **parts: Any) -> Case:
    """A person with one Coverage of these parts."""
    return Case(name, [covered(name, **parts)], "omop.payer_plan_period", columns, list(expected))


def _paid_by(name: str, payor: Resource, expected: str | None, **parts: Any) -> Case:
    return _insured(name, (*_YEAR, expected), payor=[payor], **parts)


COVERAGES = [
    _insured(
        "coverage",
        (key("Coverage", "coverage-coverage"), *_YEAR, MEDICAID, "State Medicaid", MEDICAID, 0, "Gold", 0, 0, None, 0,
         None, 0, None, 0),
        columns="payer_plan_period_id, payer_plan_period_start_date::text, payer_plan_period_end_date::text, "
        "payer_concept_id, payer_source_value, payer_source_concept_id, plan_concept_id, plan_source_value, "
        "plan_source_concept_id, sponsor_concept_id, sponsor_source_value, sponsor_source_concept_id, "
        "family_source_value, stop_reason_concept_id, stop_reason_source_value, stop_reason_source_concept_id",
        type=coded(SOPT, "2"),
        subscriberId="SUB-4711",
        identifier=[{"system": "urn:member", "value": "MEMBER-4711"}],
        subscriber={"reference": "Patient/somebody-insured", "display": "Somebody Insured"},
        **{"class": [
            {"type": coded("urn:class", "group"), "value": "GROUP-4711", "name": "Works Ltd"},
            {"type": coded("urn:class", "plan"), "value": "PLAN-4711", "name": "Gold"},
        ]},
    ),
    # What a family shares would lead back to the subscriber.
    _insured(
        "coverage-of-the-family", (None,), columns="family_source_value",
        subscriber={"reference": "Patient/somebody-insured"},
    ),
    _insured(
        "somebody-insured", (None,), columns="family_source_value",
        relationship=coded("urn:relationship", "self"),
    ),
    _insured("coverage-that-is-open", ("2025-01-01", "2026-10-31", "State Medicaid"), period={"start": "2025-01-01"}),
    _insured("coverage-by-years", ("2024-01-01", "2025-06-30", "State Medicaid"),
             period={"start": "2024", "end": "2025-06"}),
    _insured("coverage-to-come", ("2027-01-01", "2027-12-31", "State Medicaid"),
             period={"start": "2027-01-01", "end": "2027-12-31"}),
    _insured("coverage-without-a-period", period={}),
    _insured("coverage-without-a-start", period={"end": "2025-12-31"}),
    _insured("coverage-cancelled", (*_YEAR, "cancelled"), status="cancelled",
             columns="payer_plan_period_start_date::text, payer_plan_period_end_date::text, stop_reason_source_value"),
    _insured("coverage-cancelled-some-day", status="cancelled", period={"start": "2025-01-01"}),
    _insured("coverage-drafted", status="draft"),
    _insured("coverage-in-error", status="entered-in-error"),
    _insured("coverage-of-an-unknown-type", (0, "State Medicaid", 0), type=coded(SOPT, "9999"),
             columns="payer_concept_id, payer_source_value, payer_source_concept_id"),
    _paid_by("coverage-paid-by-oneself", {"reference": "Patient/coverage-paid-by-oneself", "display": "Jo"}, "self"),
    _paid_by("coverage-paid-by-a-relative", {"reference": "RelatedPerson/aunt", "display": "Aunt Jo"}, "self"),
    _paid_by("coverage-paid-by-words", {"display": "Aunt Jo"}, None),
    _paid_by("coverage-paid-by-typed-words", {"type": "Organization", "display": "Acme Health"}, "Acme Health"),
    _paid_by("coverage-paid-by-who-never-came", {"reference": "Organization/none", "display": "Acme"}, "Acme"),
    _paid_by("coverage-paid-by-uuid", {"reference": f"urn:uuid:{PAYER_UUID}", "display": "Aunt Jo"}, "Uuid Mutual"),
    _paid_by("coverage-paid-by-an-uuid-of-nobody", {"reference": "urn:uuid:1", "display": "Aunt Jo"}, None),
    _paid_by("coverage-paid-by-an-organisation-inside", {"reference": "#payer"}, "Inner Health",
             contained=[{"resourceType": "Organization", "id": "payer", "name": "Inner Health"}]),
]  # fmt: skip
