"""What neither the public export nor the golden cases have: persons who died while they were observed, and copays."""

from typing import Any

from tests.dbt_project.golden import COLONOSCOPY
from tests.dbt_project.golden.claims import adjudged, answer_of, item_of
from tests.dbt_project.population import ICD10, RXNORM, coded, condition, of, patient, visit

_COPAID = adjudged(submitted=100, benefit=50, copay=5, priorpayerpaid=7)


def _died(name: str, born: str, gender: str, day: str, last: str) -> list[dict[str, Any]]:
    """A person with one of each record, and a last visit some days after death, as of the bill."""
    return [
        patient(name, born, f"MRN-{name}", gender=gender, deceasedDateTime=day),
        visit(name, f"{name}-visit", "2025-06-02", "2025-06-04", "IMP"),
        visit(name, f"{name}-bill", last, last),
        condition(name, f"{name}-condition", coded(ICD10, "I50.9"), "encounter-diagnosis", onsetDateTime="2025-06-02"),
        of(name, "MedicationRequest", f"{name}-drug", status="active", intent="order", authoredOn="2025-06-03",
           medicationCodeableConcept=coded(RXNORM, "6809")),
        of(name, "Procedure", f"{name}-procedure", status="completed", performedDateTime="2025-06-03",
           code=COLONOSCOPY),
        of(name, "Observation", f"{name}-observation", status="final", effectiveDateTime="2025-06-04",
           code=coded("urn:words", "words"), valueString="none"),
        answer_of(name, f"{name}-paid-drug", prescription={"reference": f"MedicationRequest/{name}-drug"},
                  item=[item_of(coded(RXNORM, "6809"), adjudication=_COPAID)]),
        answer_of(name, f"{name}-paid-procedure",
                  item=[item_of(COLONOSCOPY, procedureSequence=[1], adjudication=_COPAID)],
                  procedure=[{"sequence": 1, "procedureReference": {"reference": f"Procedure/{name}-procedure"}}]),
    ]  # fmt: skip


def resources() -> list[dict[str, Any]]:
    """All records."""
    return [
        *_died("achilles-died-on-the-day", "1941-03-01", "male", "2025-06-04", "2025-06-04"),
        *_died("achilles-died-at-home", "1952-11-30", "female", "2025-07-19", "2025-09-01"),
        *_died("achilles-died-of-age", "1930-01-15", "female", "2025-07-20", "2025-08-01"),
    ]
