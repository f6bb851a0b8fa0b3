"""Medication and what is given, handed over or taken of one, as bronze rows."""

from datetime import date, datetime
from typing import Any

import pytest

from pipelines.keys import derived_key
from tests.pipelines.fhir.synthetic import (
    RXNORM,
    SNOMED,
    Resource,
    concept,
    excluded,
    key,
    mapped,
    only_row,
    prescription,
)

UUID = "5d2e1f0a-0000-4000-8000-000000000001"
ASPIRIN = concept(RXNORM, "1191", "aspirin")
ROUTE = concept(SNOMED, "26643006", "oral")
DOSAGE = {"text": "one a day", "route": ROUTE, "doseAndRate": [{"doseQuantity": {"value": 1, "code": "mg"}}]}


def about(kind: str, **parts: Any) -> Resource:
    who = {"subject": {"reference": "Patient/p1"}, "context": {"reference": "Encounter/e1"}}
    drug = {} if "medicationReference" in parts else {"medicationCodeableConcept": ASPIRIN}
    return {"resourceType": kind, "id": "m1", "status": "completed", **who, **drug, **parts}


def dispense(**parts: Any) -> Resource:
    return about("MedicationDispense", **parts)


def administration(**parts: Any) -> Resource:
    return about("MedicationAdministration", **({"effectiveDateTime": "2025-01-01"} | parts))


def statement(**parts: Any) -> Resource:
    return about("MedicationStatement", **parts)


def medication(**parts: Any) -> Resource:
    return {"resourceType": "Medication", "id": "drug", "code": ASPIRIN, **parts}


MAKERS = [prescription, dispense, administration, statement]


def test_a_medication_is_of_nobody() -> None:
    found = mapped(medication(identifier=[{"system": "urn:x", "value": "7"}]))
    (row,) = found["medication"]
    assert row == {
        "medication_key": key("Medication", "drug"),
        "codings": ASPIRIN["coding"],
        "code_text": "aspirin",
        "resource_key": key("Medication", "drug"),
        "source_system": "ehr",
        "known_at": None,
    }
    assert [alias["alias_key"] for alias in found["reference_alias"]] == [
        derived_key("ehr", "Medication?identifier", "urn:x|7")
    ]
    assert mapped(medication(status="inactive"))["medication"]
    assert excluded(medication(status="entered-in-error")) == "status:entered-in-error"


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Medication/drug"}, key("Medication", "drug")),
        ({"reference": "https://fhir.example/r4/Medication/drug/_history/2"}, key("Medication", "drug")),
        ({"reference": f"urn:uuid:{UUID}"}, key("Medication", UUID)),
        ({"reference": "Medication?identifier=urn:x|7"}, derived_key("ehr", "Medication?identifier", "urn:x|7")),
        ({"identifier": {"system": "urn:x", "value": "7"}}, derived_key("ehr", "Medication?identifier", "urn:x|7")),
    ],
)
def test_a_reference_leads_to_a_medication(make: Any, reference: Resource, expected: int) -> None:
    row = only_row(make(medicationReference=reference | {"display": "Aspirin 81"}), "drug_exposure")
    assert (row["medication_key"], row["codings"], row["code_text"]) == (expected, [], "Aspirin 81")


@pytest.mark.parametrize("make", MAKERS)
def test_a_contained_medication_gives_its_codings(make: Any) -> None:
    inside = {"resourceType": "Medication", "id": "inside", "code": ASPIRIN}
    row = only_row(make(contained=[inside], medicationReference={"reference": "#inside"}), "drug_exposure")
    assert (row["codings"], row["code_text"], row.get("medication_key")) == (ASPIRIN["coding"], "aspirin", None)


@pytest.mark.parametrize("make", MAKERS)
def test_what_names_no_medication_makes_no_row(make: Any) -> None:
    assert excluded(make(medicationReference={"reference": "#gone"})) == "no_medication"
    bare = {"resourceType": "Medication", "id": "bare"}
    assert excluded(make(contained=[bare], medicationReference={"reference": "#bare"})) == "no_medication"
    named = only_row(make(medicationReference={"display": "white tablets"}), "drug_exposure")
    assert (named["codings"], named["code_text"], named["medication_key"]) == ([], "white tablets", None)


def test_a_dispense_lasts_as_long_as_its_supply() -> None:
    row = only_row(
        dispense(
            whenPrepared="2025-01-01",
            whenHandedOver="2025-01-02T10:00:00-05:00",
            daysSupply={"value": 30, "code": "d"},
            quantity={"value": 60, "unit": "tablet"},
            dosageInstruction=[DOSAGE],
            performer=[{"actor": {"reference": "Practitioner/d1"}}],
        ),
        "drug_exposure",
    )
    assert {name: row[name] for name in row if name not in ("source_system", "known_at", "resource_key")} == {
        "drug_exposure_key": key("MedicationDispense", "m1"),
        "person_key": key("Patient", "p1"),
        "visit_occurrence_key": key("Encounter", "e1"),
        "provider_key": key("Practitioner", "d1"),
        "kind": "dispensing",
        "codings": ASPIRIN["coding"],
        "code_text": "aspirin",
        "status": "completed",
        "drug_exposure_start_date": date(2025, 1, 2),
        "drug_exposure_start_datetime": datetime(2025, 1, 2, 10),
        "drug_exposure_end_date": date(2025, 1, 31),
        "days_supply": 30,
        "quantity": 60,
        "sig": "one a day",
        "route_codings": ROUTE["coding"],
        "dose_unit_source_value": "mg",
        "supply_start_date": date(2025, 1, 2),
        "supply_end_date": date(2025, 1, 31),
        "total_days_supplied": 30,
        "supplied_quantity": 60,
        "supplied_quantity_unit": "tablet",
        "dose_per_day": None,
        "dose_unit": "mg",
    }
    assert only_row(dispense(whenPrepared="2025-01-01"), "drug_exposure")["drug_exposure_start_date"] == date(
        2025, 1, 1
    )


def test_an_administration_has_its_dose_and_route() -> None:
    row = only_row(
        administration(
            effectiveDateTime="2025-01-02T10:00:00Z",
            dosage={"text": "slowly", "route": ROUTE, "dose": {"value": 2.5, "unit": "mL"}},
            performer=[{"actor": {"reference": "Practitioner/d1"}}],
        ),
        "drug_exposure",
    )
    kept = ("kind", "quantity", "dose_unit_source_value", "sig", "route_codings", "provider_key")
    assert [row[name] for name in kept] == [
        "administration", 2.5, "mL", "slowly", ROUTE["coding"], key("Practitioner", "d1"),
    ]  # fmt: skip
    assert row["drug_exposure_start_datetime"] == row["drug_exposure_end_datetime"] == datetime(2025, 1, 2, 10)


@pytest.mark.parametrize(
    ("make", "parts", "start", "end"),
    [
        (administration, {"effectivePeriod": {"start": "2025-01-01", "end": "2025-01-03"}}, (1, 1), (1, 3)),
        (administration, {"effectivePeriod": {"start": "2025-01-01"}, "status": "in-progress"}, (1, 1), None),
        (statement, {"effectivePeriod": {"start": "2025-01", "end": "2025-02"}}, (1, 1), (2, 28)),
        (statement, {"effectivePeriod": {"start": "2025-01-01"}, "status": "active"}, (1, 1), None),
        (statement, {"effectiveDateTime": "2025-01-05"}, (1, 5), (1, 5)),
        (statement, {"dateAsserted": "2025-01-06"}, (1, 6), None),
        (statement, {}, None, None),
    ],
)
def test_when_it_was_taken(make: Any, parts: Resource, start: Any, end: Any) -> None:
    resource = make(**parts)
    if "effectivePeriod" in parts:
        resource.pop("effectiveDateTime", None)
    row = only_row(resource, "drug_exposure")
    expected = tuple(None if day is None else date(2025, *day) for day in (start, end))
    assert (row["drug_exposure_start_date"], row["drug_exposure_end_date"]) == expected


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"reference": "Patient/p1"}, "statement"),
        ({"reference": "RelatedPerson/r1"}, "statement"),
        ({"reference": "urn:uuid:1", "type": "Patient"}, "statement"),
        ({"reference": "Practitioner/d1"}, "medication-list"),
        (None, "medication-list"),
    ],
)
def test_who_says_what_is_taken(source: Resource | None, kind: str) -> None:
    resource = statement(**({"informationSource": source} if source else {}), dosage=[DOSAGE])
    row = only_row(resource, "drug_exposure")
    assert (row["kind"], row["sig"]) == (kind, "one a day")


@pytest.mark.parametrize(
    ("make", "statuses"),
    [
        (dispense, ["preparation", "in-progress", "cancelled", "on-hold", "stopped", "declined", "entered-in-error"]),
        (administration, ["on-hold", "stopped", "entered-in-error", "unknown"]),
        (statement, ["intended", "stopped", "on-hold", "unknown", "not-taken", "entered-in-error"]),
    ],
)
def test_what_was_not_taken_is_no_drug(make: Any, statuses: list[str]) -> None:
    assert [excluded(make(status=status)) for status in statuses] == [f"status:{status}" for status in statuses]
    assert excluded(make(subject={"reference": "Group/g1"})) == "no_patient"
