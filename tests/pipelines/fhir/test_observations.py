"""Observation as measurement rows, one a value."""

from datetime import date, datetime
from typing import Any

import pytest

from tests.pipelines.fhir.synthetic import LOINC, SNOMED, UCUM, concept, excluded, key, mapped, observation, only_row

ABSENT = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown")


def pressure(code: str, value: float | None) -> dict[str, Any]:
    part: dict[str, Any] = {"code": concept(LOINC, code)}
    if value is None:
        return part | {"dataAbsentReason": ABSENT}
    return part | {"valueQuantity": {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}}


def test_a_laboratory_result() -> None:
    row = only_row(
        observation(
            category=[concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")],
            code={"coding": [{"system": LOINC, "code": "4548-4", "display": "HbA1c"}, {"code": "A1C"}]},
            effectiveDateTime="2025-01-01T23:30:00-05:00",
            issued="2025-01-02T10:00:00Z",
            performer=[{"reference": "Practitioner/d1"}],
            valueQuantity={"value": 7.25, "comparator": "<=", "unit": "percent", "system": UCUM, "code": "%"},
            referenceRange=[{"low": {"value": 4}, "high": {"value": 5.6}}, {"low": {"value": 0}}],
            interpretation=[concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "H")],
        ),
        "measurement",
    )
    assert row["measurement_key"] == row["resource_key"] == key("Observation", "o1")
    assert row["person_key"] == key("Patient", "p1")
    assert row["visit_occurrence_key"] == key("Encounter", "e1")
    assert row["provider_key"] == key("Practitioner", "d1")
    assert row["category"] == "laboratory"
    assert row["codings"] == [{"system": LOINC, "code": "4548-4", "display": "HbA1c"}, {"code": "A1C"}]
    assert row["code_text"] == "HbA1c"
    assert row["measurement_date"] == date(2025, 1, 1)
    assert row["measurement_datetime"] == datetime(2025, 1, 1, 23, 30)
    assert (row["value_number"], row["value_operator"]) == (7.25, "<=")
    assert (row["unit_code"], row["unit_source_value"]) == ("%", "percent")
    assert (row["range_low"], row["range_high"]) == (4, 5.6)
    assert [coding["code"] for coding in row["interpretation_codings"]] == ["H"]
    assert row["known_at"].isoformat() == "2025-01-02T10:00:00+00:00"


def test_each_component_with_a_value_is_a_row_of_its_parent() -> None:
    panel = observation(code=concept(LOINC, "85354-9"), component=[pressure("8480-6", 140), pressure("8462-4", None)])
    row = only_row(panel, "measurement")
    assert (row["codings"][0]["code"], row["value_number"], row["unit_code"]) == ("8480-6", 140, "mm[Hg]")
    assert row["parent_measurement_key"] == row["resource_key"] == key("Observation", "o1")
    assert row["measurement_key"] != key("Observation", "o1")
    assert row["measurement_date"] == date(2025, 1, 1)


def test_the_parents_own_value_is_a_row_beside_its_components() -> None:
    score = observation(valueInteger=9, component=[pressure("8480-6", 140), pressure("8462-4", 90)])
    rows = mapped(score)["measurement"]
    assert sorted(row["value_number"] for row in rows) == [9, 90, 140]
    assert len({row["measurement_key"] for row in rows}) == 3
    (own,) = [row for row in rows if row["value_number"] == 9]
    assert "parent_measurement_key" not in own


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ({"valueString": "positive, weak"}, {"value_text": "positive, weak"}),
        (
            {"valueCodeableConcept": concept(SNOMED, "260373001", "seen")},
            {"value_codings": [{"system": SNOMED, "code": "260373001", "display": "seen"}], "value_text": "seen"},
        ),
        ({"valueCodeableConcept": {"text": "free"}}, {"value_codings": None, "value_text": "free"}),
        ({"valueBoolean": False}, {"value_boolean": False}),
        ({"valueInteger": 0}, {"value_number": 0}),
        (
            {"valueRange": {"low": {"value": 1, "code": "h"}, "high": {"value": 2, "code": "h"}}},
            {"value_text": "1-2", "unit_code": "h"},
        ),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 64}}}, {"value_text": "1/64"}),
        ({"valuePeriod": {"start": "2025-01-01"}}, {"value_text": "2025-01-01/"}),
        ({"valueDateTime": "2025-01"}, {"value_text": "2025-01"}),
        ({"valueTime": "10:30:00"}, {"value_text": "10:30:00"}),
    ],
)
def test_each_kind_of_value(value: dict[str, Any], columns: dict[str, Any]) -> None:
    row = only_row(observation(**value), "measurement")
    kept = ("value_number", "value_operator", "value_codings", "value_text", "value_boolean", "unit_code")
    assert {name: row[name] for name in kept if row.get(name) is not None} == {
        name: found for name, found in columns.items() if found is not None
    }


@pytest.mark.parametrize("comparator", ["<", "<=", ">=", ">"])
def test_comparators_are_kept_as_written(comparator: str) -> None:
    row = only_row(observation(valueQuantity={"value": 5, "comparator": comparator}), "measurement")
    assert (row["value_number"], row["value_operator"], row["unit_code"]) == (5, comparator, None)


@pytest.mark.parametrize(
    "parts",
    [
        {"dataAbsentReason": concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-performed")},
        {"hasMember": [{"reference": "Observation/o2"}]},
    ],
)
def test_an_observation_without_any_value_makes_no_row(parts: dict[str, Any]) -> None:
    assert excluded(observation(**parts)) == "data_absent"


@pytest.mark.parametrize("parts", [{}, {"dataAbsentReason": ABSENT}, {"component": [pressure("8480-6", None)]}])
def test_a_result_that_only_says_it_was_done_keeps_a_row(parts: dict[str, Any]) -> None:
    row = only_row(observation(**parts), "measurement")
    assert row["measurement_key"] == key("Observation", "o1")
    assert "value_number" not in row


def test_every_category_is_kept() -> None:
    terms = "http://terminology.hl7.org/CodeSystem/observation-category"
    both = [concept("urn:local", "mine"), concept(terms, "survey"), concept(terms, "survey"), {"text": "in words"}]
    row = only_row(observation(category=both), "measurement")
    assert (row["category"], row["categories"]) == ("survey", ["mine", "survey"])
    assert only_row(observation(), "measurement")["categories"] is None


@pytest.mark.parametrize(
    ("parts", "first", "last"),
    [
        ({"effectivePeriod": {"start": "2025-01-01", "end": "2025-01-03"}}, date(2025, 1, 1), date(2025, 1, 3)),
        ({"effectivePeriod": {"start": "2025-01-01"}}, date(2025, 1, 1), date(2025, 1, 1)),
        ({"effectiveInstant": "2025-01-01T23:00:00-05:00"}, date(2025, 1, 1), date(2025, 1, 1)),
        ({"issued": "2025-01-01T23:00:00-05:00"}, date(2025, 1, 1), date(2025, 1, 1)),
    ],
)
def test_when_it_was_measured(parts: dict[str, Any], first: date, last: date) -> None:
    resource = {name: part for name, part in observation(valueInteger=1).items() if name != "effectiveDateTime"}
    row = only_row(resource | parts, "measurement")
    assert (row["measurement_date"], row["measurement_end_date"]) == (first, last)


@pytest.mark.parametrize("status", ["registered", "preliminary", "cancelled", "entered-in-error", "unknown"])
@pytest.mark.parametrize("profile", ["us-core", "ig-strict"])
def test_only_final_results_make_rows(status: str, profile: str) -> None:
    assert excluded(observation(status=status, valueInteger=1), profile) == f"status:{status}"


@pytest.mark.parametrize(
    ("performers", "expected"), [(["Patient/p1", "RelatedPerson/r1"], True), (["Patient/p1", "Practitioner/d1"], False)]
)
def test_what_the_patients_side_reports_keeps_its_category(performers: list[str], expected: bool) -> None:
    reported = observation(
        category=[concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")],
        performer=[{"reference": performer} for performer in performers],
        component=[pressure("8480-6", 140)],
    )
    row = only_row(reported, "measurement")
    assert (row["category"], row["is_patient_reported"]) == ("vital-signs", expected)
