"""Condition, Procedure, AllergyIntolerance, MedicationRequest and Immunization as bronze rows."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.pipelines.fhir.synthetic import (
    CVX,
    LOINC,
    RXNORM,
    SNOMED,
    Resource,
    clinical,
    concept,
    excluded,
    key,
    mapped,
    only_row,
    prescription,
)

TERMS = "http://terminology.hl7.org/CodeSystem/"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"


def condition(**parts: Any) -> Resource:
    return clinical("Condition", "c1", **({"code": concept(ICD10, "E11.9", "Type 2 diabetes")} | parts))


def procedure(**parts: Any) -> Resource:
    return clinical("Procedure", "x1", **({"status": "completed", "code": concept(SNOMED, "73761001")} | parts))


def allergy(**parts: Any) -> Resource:
    return clinical("AllergyIntolerance", "a1", **({"code": concept(RXNORM, "7980", "penicillin")} | parts))


def immunization(**parts: Any) -> Resource:
    given = {"status": "completed", "vaccineCode": concept(CVX, "140"), "occurrenceDateTime": "2025-10-01T09:00:00Z"}
    return clinical("Immunization", "i1", **(given | parts))


def states(name: str, code: str) -> dict[str, Any]:
    return {name: concept(f"{TERMS}condition-{name}", code)}


def test_a_condition() -> None:
    row = only_row(
        condition(
            category=[concept(f"{TERMS}condition-category", "problem-list-item")],
            clinicalStatus=concept(f"{TERMS}condition-clinical", "resolved"),
            verificationStatus=concept(f"{TERMS}condition-ver-status", "confirmed"),
            onsetDateTime="2020-05-01T22:00:00-05:00",
            abatementDateTime="2021-06",
            recordedDate="2020-05-03",
            recorder={"reference": "Practitioner/d1"},
        ),
        "condition_occurrence",
    )
    assert row["condition_occurrence_key"] == row["resource_key"] == key("Condition", "c1")
    assert (row["person_key"], row["visit_occurrence_key"]) == (key("Patient", "p1"), key("Encounter", "e1"))
    assert row["provider_key"] == key("Practitioner", "d1")
    assert row["codings"] == [{"system": ICD10, "code": "E11.9", "display": "Type 2 diabetes"}]
    assert row["code_text"] == "Type 2 diabetes"
    kept = ("category", "clinical_status", "verification_status")
    assert [row[name] for name in kept] == ["problem-list-item", "resolved", "confirmed"]
    assert row["condition_start_date"] == date(2020, 5, 1)
    assert row["condition_start_datetime"] == datetime(2020, 5, 1, 22)
    assert (row["condition_end_date"], row["condition_end_datetime"]) == (date(2021, 6, 1), None)
    assert row["known_at"] == datetime(2020, 5, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parts", "start", "end"),
    [
        ({"onsetPeriod": {"start": "2020-05-01"}, "recordedDate": "2021-01-01"}, date(2020, 5, 1), None),
        ({"onsetAge": {"value": 50}, "recordedDate": "2021-01-01"}, date(2021, 1, 1), None),
        ({"abatementPeriod": {"start": "2020-01-01", "end": "2020-02-01"}}, None, date(2020, 2, 1)),
        ({"abatementString": "long ago"}, None, None),
    ],
)
def test_when_a_condition_began_and_ended(parts: dict[str, Any], start: date | None, end: date | None) -> None:
    row = only_row(condition(**parts), "condition_occurrence")
    assert (row["condition_start_date"], row["condition_end_date"]) == (start, end)


@pytest.mark.parametrize(
    ("parts", "first", "last"),
    [
        ({"onsetDateTime": "2020-05-01T22:00:00-05:00"}, date(2020, 5, 1), date(2020, 5, 1)),
        ({"onsetPeriod": {"start": "2020-05-01", "end": "2020-06"}}, date(2020, 5, 1), date(2020, 6, 30)),
        ({"onsetPeriod": {"start": "2020-05-01"}}, date(2020, 5, 1), None),
        ({"onsetString": "long ago"}, None, None),
        ({}, None, None),
    ],
)
def test_the_onset_is_kept_apart_from_when_it_was_recorded(
    parts: dict[str, Any], first: date | None, last: date | None
) -> None:
    row = only_row(
        condition(recordedDate="2021-01-01", abatementDateTime="2022-01-01", **parts), "condition_occurrence"
    )
    assert (row["onset_start_date"], row["onset_end_date"]) == (first, last)
    assert (row["recorded_date"], row["condition_start_date"]) == (date(2021, 1, 1), first or date(2021, 1, 1))


def test_a_condition_has_all_its_categories_and_body_sites() -> None:
    kinds = [concept(f"{TERMS}condition-category", code) for code in ("encounter-diagnosis", "problem-list-item")]
    sites = [concept(SNOMED, "7771000"), concept(SNOMED, "24028007")]
    row = only_row(condition(category=kinds, bodySite=sites), "condition_occurrence")
    assert (row["category"], row["categories"]) == ("encounter-diagnosis", ["encounter-diagnosis", "problem-list-item"])
    assert [coding["code"] for coding in row["body_site_codings"]] == ["7771000", "24028007"]


def test_why_and_where_a_procedure_was_done() -> None:
    given = procedure(
        reasonCode=[concept(ICD10, "E66.01"), {"text": "obesity"}],
        reasonReference=[{"reference": "Condition/c1"}, {"reference": "urn:uuid:1"}],
        bodySite=[concept(SNOMED, "7771000")],
    )
    row = only_row(given, "procedure_occurrence")
    assert row["reason_codings"] == [{"system": ICD10, "code": "E66.01"}]
    # One that doesn't say its type may be of any.
    assert row["reason_keys"][0] == key("Condition", "c1")
    assert {key("Condition", "1"), key("Observation", "1")} < set(row["reason_keys"])
    assert [coding["code"] for coding in row["body_site_codings"]] == ["7771000"]
    bare = only_row(procedure(), "procedure_occurrence")
    assert (bare["reason_codings"], bare["reason_keys"], bare["body_site_codings"]) == (None, None, None)


def test_a_report_lasts_as_long_as_what_it_reports() -> None:
    report = clinical("DiagnosticReport", "r1", status="final", code=concept(SNOMED, "73761001"))
    period = {"effectivePeriod": {"start": "2025-01-01", "end": "2025-01-03T10:00:00-05:00"}}
    (row,) = mapped(report | period)["observation"]
    assert (row["observation_end_date"], row["observation_end_datetime"]) == (
        date(2025, 1, 3),
        datetime(2025, 1, 3, 10),
    )
    (row,) = mapped(report | {"effectiveDateTime": "2025-01-01"})["observation"]
    assert row["observation_end_date"] is None


def test_a_doubted_diagnosis_is_kept_with_its_doubt_where_an_allergy_is_not() -> None:
    refuted = {"verificationStatus": concept(f"{TERMS}condition-ver-status", "refuted")}
    (row,) = mapped(condition(**refuted), "ig-strict")["condition_occurrence"]
    assert row["verification_status"] == "refuted"
    assert excluded(allergy(**refuted), "ig-strict") == "verification:refuted"


@pytest.mark.parametrize("make", [condition, allergy])
def test_verification_decides_by_profile(make: Any) -> None:
    def verified(code: str) -> Resource:
        found: Resource = make(verificationStatus=concept(f"{TERMS}condition-ver-status", code))
        return found

    for code in ("refuted", "entered-in-error"):
        assert excluded(verified(code)) == f"verification:{code}"
    assert excluded(verified("unconfirmed"), "ig-strict") == "verification:unconfirmed"
    table = "condition_occurrence" if make is condition else "observation"
    assert only_row(verified("unconfirmed"), table)
    assert only_row(make(), table), "older data has no verificationStatus"


def test_a_procedure_with_a_period() -> None:
    row = only_row(
        procedure(
            performedPeriod={"start": "2025-01-01T23:00:00-05:00", "end": "2025-01-02T01:00:00-05:00"},
            performer=[{"actor": {"reference": "Practitioner/d1"}}],
        ),
        "procedure_occurrence",
    )
    assert row["procedure_occurrence_key"] == key("Procedure", "x1")
    assert row["codings"] == [{"system": SNOMED, "code": "73761001"}]
    assert (row["procedure_date"], row["procedure_datetime"]) == (date(2025, 1, 1), datetime(2025, 1, 1, 23))
    assert (row["procedure_end_date"], row["procedure_end_datetime"]) == (date(2025, 1, 2), datetime(2025, 1, 2, 1))
    assert row["provider_key"] == key("Practitioner", "d1")


def test_an_allergy_names_substance_and_kind() -> None:
    row = only_row(
        allergy(
            type="intolerance",
            category=["medication", "food"],
            clinicalStatus=concept(f"{TERMS}allergyintolerance-clinical", "active"),
            onsetDateTime="2010",
            recordedDate="2020-01-01",
        ),
        "observation",
    )
    assert row["observation_key"] == key("AllergyIntolerance", "a1")
    assert (row["kind"], row["qualifier"], row["category"]) == ("allergy", "intolerance", "medication")
    assert row["codings"] == [{"system": RXNORM, "code": "7980", "display": "penicillin"}]
    assert (row["status"], row["observation_date"]) == ("active", date(2010, 1, 1))
    assert only_row(allergy(), "observation")["qualifier"] == "allergy"


def test_a_prescription_ends_with_its_supply() -> None:
    row = only_row(
        prescription(
            authoredOn="2025-01-01T23:00:00-05:00",
            requester={"reference": "Practitioner/d1"},
            dosageInstruction=[
                {
                    "text": "1 tablet twice a day",
                    "route": concept(SNOMED, "26643006"),
                    "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
                }
            ],
            dispenseRequest={
                "quantity": {"value": 60},
                "numberOfRepeatsAllowed": 3,
                "expectedSupplyDuration": {"value": 30, "code": "d"},
            },
        ),
        "drug_exposure",
    )
    assert row["drug_exposure_key"] == key("MedicationRequest", "m1")
    assert (row["kind"], row["status"], row["intent"]) == ("prescription", "active", "order")
    assert row["codings"] == [{"system": RXNORM, "code": "860975"}]
    assert row["drug_exposure_start_date"] == date(2025, 1, 1)
    assert row["drug_exposure_start_datetime"] == datetime(2025, 1, 1, 23)
    assert row["drug_exposure_end_date"] == date(2025, 1, 30)
    assert (row["days_supply"], row["quantity"], row["refills"]) == (30, 60, 3)
    assert (row["sig"], row["dose_unit_source_value"]) == ("1 tablet twice a day", "tablet")
    assert [coding["code"] for coding in row["route_codings"]] == ["26643006"]
    assert row["provider_key"] == key("Practitioner", "d1")


@pytest.mark.parametrize(
    ("supply", "days", "last"),
    [
        ({"value": 2, "code": "wk"}, 14, date(2025, 1, 14)),
        ({"value": 1, "unit": "month"}, 30, date(2025, 1, 30)),
        ({"value": 5, "code": "h"}, None, date(2025, 1, 1)),
        ({"value": 0, "code": "d"}, 0, date(2025, 1, 1)),
        ({"code": "d"}, None, date(2025, 1, 1)),
    ],
)
def test_units_of_supply(supply: dict[str, Any], days: int | None, last: date) -> None:
    row = only_row(prescription(dispenseRequest={"expectedSupplyDuration": supply}), "drug_exposure")
    assert (row["days_supply"], row["drug_exposure_end_date"]) == (days, last)


def test_the_validity_period_begins_a_prescription() -> None:
    row = only_row(prescription(dispenseRequest={"validityPeriod": {"start": "2025-02-01"}}), "drug_exposure")
    assert row["drug_exposure_start_date"] == date(2025, 2, 1)


@pytest.mark.parametrize("intent", ["order", "original-order", "filler-order", "reflex-order", "instance-order"])
def test_intent_of_orders_by_profile(intent: str) -> None:
    resource = prescription(intent=intent)
    assert only_row(resource, "drug_exposure")["intent"] == intent
    if intent != "instance-order":
        assert excluded(resource, "ig-strict") == f"intent:{intent}"


def test_the_strict_profile_takes_an_instance_order_of_any_status() -> None:
    mistaken = prescription(intent="instance-order", status="entered-in-error")
    assert excluded(mistaken, "ig-strict") == "status:entered-in-error"
    cancelled = prescription(intent="instance-order", status="cancelled")
    assert excluded(cancelled) == "status:cancelled"
    with pytest.raises(AssertionError):
        excluded(cancelled, "ig-strict")


@pytest.mark.parametrize("intent", ["proposal", "plan", "option"])
@pytest.mark.parametrize("profile", ["us-core", "ig-strict"])
def test_what_is_no_order_is_no_drug(intent: str, profile: str) -> None:
    assert excluded(prescription(intent=intent), profile) == f"intent:{intent}"


@pytest.mark.parametrize("status", ["cancelled", "draft", "entered-in-error", "unknown"])
def test_orders_that_do_not_stand(status: str) -> None:
    assert excluded(prescription(status=status)) == f"status:{status}"


def test_an_immunization() -> None:
    row = only_row(
        immunization(
            doseQuantity={"value": 0.5, "code": "mL"},
            lotNumber="L1",
            primarySource=True,
            route=concept(f"{TERMS}v3-RouteOfAdministration", "IM"),
            performer=[{"actor": {"reference": "Practitioner/d1"}}],
        ),
        "drug_exposure",
    )
    assert row["drug_exposure_key"] == key("Immunization", "i1")
    assert (row["kind"], row["person_key"]) == ("immunization", key("Patient", "p1"))
    assert row["codings"] == [{"system": CVX, "code": "140"}]
    assert row["drug_exposure_start_date"] == row["drug_exposure_end_date"] == date(2025, 10, 1)
    assert row["drug_exposure_start_datetime"] == datetime(2025, 10, 1, 9)
    assert (row["quantity"], row["dose_unit_source_value"], row["lot_number"]) == (0.5, "mL", "L1")
    assert row["primary_source"] is True
    assert [coding["code"] for coding in row["route_codings"]] == ["IM"]


@pytest.mark.parametrize(
    "resource",
    [
        immunization(status="entered-in-error"),
        procedure(status="in-progress"),
        procedure(status="preparation"),
        clinical("DiagnosticReport", "r1", status="preliminary", code=concept(LOINC, "11502-2")),
        clinical("DiagnosticReport", "r1", status="entered-in-error", code=concept(LOINC, "11502-2")),
        clinical("DocumentReference", "n1", status="superseded", content=[{"attachment": {"title": "t"}}]) | {},
    ],
)
def test_statuses_without_rows_are_named(resource: Resource) -> None:
    resource = {name: part for name, part in resource.items() if resource["id"] != "n1" or name != "encounter"}
    assert excluded(resource) == f"status:{resource['status']}"


@pytest.mark.parametrize(
    "make", [condition, procedure, allergy, immunization, prescription], ids=lambda make: str(make.__name__)
)
def test_what_nobody_may_know_is_not_loaded(make: Any) -> None:
    modified = make(modifierExtension=[{"url": "http://example.org/refused", "valueBoolean": True}])
    assert excluded(modified) == "modifier_extension"


def test_a_type_that_is_not_mapped_is_counted_as_such() -> None:
    assert excluded({"resourceType": "ImagingStudy", "id": "1"}) == "no_mapping"
