"""Encounter as visit_occurrence and visit_detail."""

from datetime import date, datetime

import pytest

from tests.pipelines.fhir.synthetic import LOINC, concept, encounter, excluded, key, mapped, only_row

CODES = "http://terminology.hl7.org/CodeSystem/"


def participant(kind: str | None, reference: str) -> dict[str, object]:
    typed = {"type": [concept(f"{CODES}v3-ParticipationType", kind)]} if kind else {}
    return {**typed, "individual": {"reference": reference}}


def test_a_stay_with_its_parent_and_locations() -> None:
    found = mapped(
        encounter(
            **{"class": {"code": "IMP"}},
            type=[concept(LOINC, "11429-6")],
            partOf={"reference": "Encounter/e0"},
            serviceProvider={"reference": "Organization/h1"},
            participant=[participant(None, "Practitioner/d0"), participant("ATND", "Practitioner/d1")],
            hospitalization={
                "admitSource": concept(f"{CODES}admit-source", "emd"),
                "dischargeDisposition": concept(f"{CODES}discharge-disposition", "home"),
            },
            period={"start": "2025-01-01T23:30:00-05:00", "end": "2025-01-03T01:00:00-05:00"},
            location=[
                {"location": {"reference": "Location/l1"}, "period": {"start": "2025-01-01T23:30:00-05:00"}},
                {"location": {"reference": "Location/l2"}},
                {"location": {"reference": "Location/l3"}, "period": {"start": "2025-01-02", "end": "2025-01-03"}},
            ],
        )
    )
    (visit,) = found["visit_occurrence"]
    own = key("Encounter", "e1")
    assert visit["visit_occurrence_key"] == visit["resource_key"] == own
    assert visit["person_key"] == key("Patient", "p1")
    assert (visit["class_code"], visit["status"]) == ("IMP", "finished")
    assert [coding["code"] for coding in visit["type_codings"]] == ["11429-6"]
    # The day as written where the patient was, not the day in UTC.
    assert visit["visit_start_date"] == date(2025, 1, 1)
    assert visit["visit_start_datetime"] == datetime(2025, 1, 1, 23, 30)
    assert visit["visit_end_date"] == date(2025, 1, 3)
    assert visit["visit_end_datetime"] == datetime(2025, 1, 3, 1)
    assert visit["provider_key"] == key("Practitioner", "d1")
    assert visit["care_site_key"] == key("Organization", "h1")
    assert (visit["admitted_from_source_value"], visit["discharged_to_source_value"]) == ("emd", "home")
    assert visit["parent_visit_key"] == key("Encounter", "e0")
    stays = [
        (row["care_site_key"], row["visit_detail_start_date"], row["visit_detail_end_date"])
        for row in found["visit_detail"]
    ]
    assert stays == [
        (key("Location", "l1"), date(2025, 1, 1), None),
        # Without a time of its own it says no more than where, which its labels need.
        (key("Location", "l2"), None, None),
        (key("Location", "l3"), date(2025, 1, 2), date(2025, 1, 3)),
    ]
    assert {row["visit_occurrence_key"] for row in found["visit_detail"]} == {own}
    assert len({row["visit_detail_key"] for row in found["visit_detail"]}) == 3


def test_an_open_visit_has_no_end() -> None:
    visit = only_row(encounter(status="in-progress", period={"start": "2025-01-01"}), "visit_occurrence")
    assert visit["visit_start_date"] == date(2025, 1, 1)
    assert visit["visit_start_datetime"] is None
    assert visit["visit_end_date"] is None


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error", "onleave", "unknown"])
def test_a_visit_that_did_not_happen_makes_no_row(status: str) -> None:
    assert excluded(encounter(status=status)) == f"status:{status}"


def test_a_visit_without_patient_or_date_makes_no_row() -> None:
    assert excluded(encounter(subject={"display": "someone"})) == "no_patient"
    assert excluded(encounter(period={})) == "no_date"
