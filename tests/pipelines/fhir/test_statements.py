"""Devices and their use, adverse events, goals and compositions as bronze rows."""

from datetime import date, datetime
from typing import Any

import pytest

from pipelines.fhir.mapping.elements import security_labels
from pipelines.keys import derived_key
from tests.pipelines.fhir.synthetic import LOINC, SNOMED, Resource, clinical, concept, excluded, key, mapped, only_row

STENT = concept(SNOMED, "65818007", "Stent")
UDI = {"deviceIdentifier": "00844588003288", "carrierHRF": "(01)00844588003288(21)9"}
PATIENT = {"reference": "Patient/p1"}


def device(**parts: Any) -> Resource:
    return {"resourceType": "Device", "id": "s1", "type": STENT, "udiCarrier": [UDI], **parts}


def use(**parts: Any) -> Resource:
    about = {"subject": PATIENT, "device": {"reference": "Device/s1"}, "status": "completed"}
    return {"resourceType": "DeviceUseStatement", "id": "u1", **about, **parts}


def implantation(**parts: Any) -> Resource:
    parts = {"status": "completed", "code": concept(SNOMED, "415070008"), "performedDateTime": "2025-01-01"} | parts
    return clinical("Procedure", "x1", **parts)


def adverse(**parts: Any) -> Resource:
    return clinical("AdverseEvent", "a1", **({"actuality": "actual", "event": concept(SNOMED, "39579001")} | parts))


def goal(**parts: Any) -> Resource:
    about = {"subject": PATIENT, "lifecycleStatus": "active", "description": {"text": "walk daily"}}
    return {"resourceType": "Goal", "id": "g1", **about, **parts}


def section(title: str | None, text: str | None, *inner: Resource) -> Resource:
    found: Resource = {"title": title} if title else {}
    if text:
        markup = f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'
        found["text"] = {"status": "generated", "div": markup}
    return found | ({"section": list(inner)} if inner else {})


def composition(*sections: Resource, **parts: Any) -> Resource:
    about = {"type": concept(LOINC, "34133-9"), "title": "Summary", "date": "2025-01-02T10:00:00Z", "status": "final"}
    author = [{"reference": "Practitioner/d1"}]
    return clinical("Composition", "k1", **(about | {"author": author, "section": list(sections)} | parts))


@pytest.mark.parametrize("person", [key("Patient", "p1"), None])
def test_a_device_is_described_whose_ever_it_is(person: int | None) -> None:
    owner = {"patient": PATIENT} if person else {}
    made = {"manufactureDate": "2010-01-01", "serialNumber": "9", "lotNumber": "L"}
    row = only_row(device(**owner, **made), "device")
    assert row == {
        "device_key": key("Device", "s1"),
        "person_key": person,
        "codings": STENT["coding"],
        "code_text": "Stent",
        "unique_device_id": "00844588003288",
        "production_id": "9",
        "resource_key": key("Device", "s1"),
        "source_system": "ehr",
        "known_at": None,
    }
    assert excluded(device(status="entered-in-error", **owner)) == "status:entered-in-error"


@pytest.mark.parametrize(
    ("timing", "start", "end"),
    [
        ({"timingPeriod": {"start": "2025-01-01T08:00:00Z", "end": "2025-02-01"}}, date(2025, 1, 1), date(2025, 2, 1)),
        ({"timingPeriod": {"start": "2025-01-01"}}, date(2025, 1, 1), None),
        ({"timingDateTime": "2025-01-03", "recordedOn": "2025-06-01"}, date(2025, 1, 3), None),
        ({"recordedOn": "2025-06-01"}, date(2025, 6, 1), None),
        ({}, None, None),
    ],
)
def test_the_use_of_a_device(timing: Resource, start: date | None, end: date | None) -> None:
    row = only_row(use(**timing), "device_exposure")
    assert (row["device_exposure_start_date"], row["device_exposure_end_date"]) == (start, end)
    assert (row["device_exposure_key"], row["device_key"]) == (key("DeviceUseStatement", "u1"), key("Device", "s1"))
    assert (row["codings"], row["person_key"], row["status"]) == ([], key("Patient", "p1"), "completed")


def test_a_contained_device_is_described_in_place() -> None:
    inside = device(id="in", lotNumber="L")
    row = only_row(use(contained=[inside], device={"reference": "#in"}), "device_exposure")
    assert (row["codings"], row["unique_device_id"], row["production_id"]) == (STENT["coding"], "00844588003288", "L")
    assert excluded(use(device={"reference": "#gone"})) == "no_device"


def test_uses_that_did_not_come_to_pass() -> None:
    for status in ("intended", "on-hold", "entered-in-error"):
        assert excluded(use(status=status)) == f"status:{status}"


def test_a_procedure_dates_the_devices_it_names() -> None:
    found = mapped(
        implantation(
            focalDevice=[{"manipulated": {"reference": "Device/s1"}}],
            usedReference=[{"reference": "Medication/m1"}, {"reference": "Device/s2", "display": "wire"}],
            performedDateTime="2025-01-01T09:00:00Z",
        )
    )
    assert len(found["procedure_occurrence"]) == 1
    assert [(row["device_exposure_key"], row["device_key"], row["code_text"]) for row in found["device_exposure"]] == [
        (derived_key(str(key("Procedure", "x1")), "device", "0"), key("Device", "s1"), None),
        (derived_key(str(key("Procedure", "x1")), "device", "1"), key("Device", "s2"), "wire"),
    ]
    assert {row["device_exposure_start_datetime"] for row in found["device_exposure"]} == {datetime(2025, 1, 1, 9)}
    assert {row["visit_occurrence_key"] for row in found["device_exposure"]} == {key("Encounter", "e1")}
    refused = implantation(status="not-done", focalDevice=[{"manipulated": {"reference": "Device/s1"}}])
    assert list(mapped(refused)) == ["observation"]


def specimen(**parts: Any) -> Resource:
    return {"resourceType": "Specimen", "id": "b1", "subject": PATIENT, "type": STENT, **parts}


def test_a_specimen() -> None:
    row = only_row(
        specimen(
            identifier=[{"system": "urn:lab", "value": "L-1"}],
            receivedTime="2025-01-02",
            collection={
                "collectedDateTime": "2025-01-01T07:00:00-05:00",
                "quantity": {"value": 5, "unit": "millilitre", "code": "mL"},
                "bodySite": {"coding": [{"system": SNOMED, "code": "14975008"}], "text": "forearm"},
            },
        ),
        "specimen",
    )
    assert {name: row[name] for name in row if name not in ("source_system", "known_at", "resource_key")} == {
        "specimen_key": key("Specimen", "b1"),
        "person_key": key("Patient", "p1"),
        "codings": STENT["coding"],
        "code_text": "Stent",
        "specimen_date": date(2025, 1, 1),
        "specimen_datetime": datetime(2025, 1, 1, 7),
        "quantity": 5,
        "unit_code": "mL",
        "unit_source_value": "millilitre",
        "body_site_codings": [{"system": SNOMED, "code": "14975008"}],
        "body_site_text": "forearm",
    }
    period = {"collectedPeriod": {"start": "2025-01-01", "end": "2025-01-03"}}
    assert only_row(specimen(collection=period), "specimen")["specimen_date"] == date(2025, 1, 1)
    assert only_row(specimen(receivedTime="2025-01-02"), "specimen")["specimen_date"] == date(2025, 1, 2)
    assert only_row(specimen(status="unavailable"), "specimen")["specimen_date"] is None
    assert excluded(specimen(status="entered-in-error")) == "status:entered-in-error"
    assert excluded(specimen(subject={"reference": "Location/l1"})) == "no_patient"


def test_an_adverse_event() -> None:
    row = only_row(adverse(date="2025-01-02", detected="2025-01-03", category=[{"text": "drug"}]), "observation")
    assert (row["kind"], row["qualifier"], row["category"]) == ("adverse-event", "AdverseEvent", "drug")
    assert (row["codings"], row["observation_date"]) == ([{"system": SNOMED, "code": "39579001"}], date(2025, 1, 2))
    assert only_row(adverse(recordedDate="2025-01-04"), "observation")["observation_date"] == date(2025, 1, 4)
    assert excluded(adverse(actuality="potential")) == "actuality:potential"
    assert excluded(adverse(subject={"reference": "RelatedPerson/r1"})) == "no_patient"


def test_a_goal() -> None:
    row = only_row(goal(startDate="2025-01-02", statusDate="2025-03-01"), "observation")
    assert (row["kind"], row["code_text"], row["status"]) == ("goal", "walk daily", "active")
    assert row["observation_date"] == date(2025, 1, 2)
    assert only_row(goal(statusDate="2025-03-01"), "observation")["observation_date"] == date(2025, 3, 1)
    for status in ("proposed", "cancelled", "rejected", "entered-in-error"):
        assert excluded(goal(lifecycleStatus=status)) == f"status:{status}"


def test_a_composition_is_one_note_of_its_sections() -> None:
    inner = section("Dose", "1 <b>mg</b>")
    row = only_row(
        composition(
            section("Allergies", "<ul><li>nuts</li><li>eggs &amp; milk</li></ul>"),
            section(None, None, inner),
            section("Empty", None),
        ),
        "note",
    )
    assert row["note_text"] == "Allergies\nnuts\neggs & milk\n\nDose\n1\nmg"
    assert (row["note_title"], row["note_date"]) == ("Summary", date(2025, 1, 2))
    assert row["type_codings"] == [{"system": LOINC, "code": "34133-9"}]
    assert (row["visit_occurrence_key"], row["provider_key"]) == (key("Encounter", "e1"), key("Practitioner", "d1"))
    assert row["note_key"] == derived_key(str(key("Composition", "k1")), "sections")
    assert excluded(composition(section("Empty", None))) == "no_text"
    assert excluded(composition(section("A", "text"), status="preliminary")) == "status:preliminary"


def test_a_composition_s_confidentiality_is_a_label() -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
    assert security_labels(composition(confidentiality="R")) == [{"system": system, "code": "R"}]
    assert security_labels(composition()) is None
