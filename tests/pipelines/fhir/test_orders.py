"""What was ordered and what was not done, as bronze rows: never a procedure, a device or a drug."""

from datetime import date, datetime
from typing import Any

import pytest

from tests.pipelines.fhir.synthetic import (
    CVX,
    RXNORM,
    SNOMED,
    Resource,
    clinical,
    concept,
    excluded,
    key,
    mapped,
    observation,
    only_row,
    prescription,
)

HOSPICE = concept(SNOMED, "385763009", "Hospice care")
REFUSED = concept(SNOMED, "105480006", "Refusal of treatment by patient")
QI_CORE = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-"
EXTENDED = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform"
ORDERED = {"status": "active", "intent": "order", "authoredOn": "2025-01-02T23:00:00-05:00"}


def service(**parts: Any) -> Resource:
    return clinical("ServiceRequest", "s1", **(ORDERED | {"code": HOSPICE} | parts))


def device(**parts: Any) -> Resource:
    return clinical("DeviceRequest", "s1", **(ORDERED | {"codeCodeableConcept": concept(SNOMED, "183240000")} | parts))


def procedure(**parts: Any) -> Resource:
    return clinical("Procedure", "x1", **({"status": "not-done", "code": concept(SNOMED, "73761001")} | parts))


def immunization(**parts: Any) -> Resource:
    given = {"status": "not-done", "vaccineCode": concept(CVX, "140"), "occurrenceDateTime": "2025-10-01"}
    return clinical("Immunization", "i1", **(given | parts))


def administration(**parts: Any) -> Resource:
    resource = clinical("MedicationAdministration", "a1", status="not-done", effectiveDateTime="2025-03-01", **parts)
    del resource["encounter"]
    return resource | {"medicationCodeableConcept": concept(RXNORM, "1191"), "context": {"reference": "Encounter/e1"}}


def modifier(url: str, value: bool) -> Resource:
    return {"modifierExtension": [{"url": url, "valueBoolean": value}]}


def test_an_order_of_a_service() -> None:
    row = only_row(
        service(
            reasonCode=[concept(SNOMED, "363346000", "Cancer"), {"text": "her wish"}],
            category=[concept(SNOMED, "387713003"), concept("urn:local", "extra")],
            bodySite=[concept(SNOMED, "7771000"), concept(SNOMED, "24028007")],
            reasonReference=[{"reference": "Condition/c1"}, {"display": "as told"}],
            requester={"reference": "Practitioner/d1"},
        ),
        "observation",
    )
    assert {name: row[name] for name in row if name not in ("source_system", "known_at", "resource_key")} == {
        "observation_key": key("ServiceRequest", "s1"),
        "person_key": key("Patient", "p1"),
        "visit_occurrence_key": key("Encounter", "e1"),
        "provider_key": key("Practitioner", "d1"),
        "kind": "service-order",
        "qualifier": "ServiceRequest",
        "category": "387713003",
        "categories": ["387713003", "extra"],
        "body_site_codings": [{"system": SNOMED, "code": "7771000"}, {"system": SNOMED, "code": "24028007"}],
        "reason_keys": [key("Condition", "c1")],
        "codings": HOSPICE["coding"],
        "code_text": "Hospice care",
        "status": "active",
        "intent": "order",
        "reason_codings": [{"system": SNOMED, "code": "363346000", "display": "Cancer"}],
        "reason_text": "Cancer",
        "observation_date": date(2025, 1, 2),
        "observation_datetime": datetime(2025, 1, 2, 23),
    }


def test_an_order_without_a_day_of_its_own_is_of_when_it_is_for() -> None:
    undated = {name: part for name, part in service(occurrenceDateTime="2025-04-01").items() if name != "authoredOn"}
    assert only_row(undated, "observation")["observation_date"] == date(2025, 4, 1)


def test_an_order_of_a_device() -> None:
    row = only_row(device(), "observation")
    assert (row["kind"], row["qualifier"]) == ("device-order", "DeviceRequest")
    assert row["codings"] == [{"system": SNOMED, "code": "183240000"}]
    named = {name: part for name, part in device().items() if name != "codeCodeableConcept"}
    row = only_row(named | {"codeReference": {"reference": "Device/7", "display": "wheelchair"}}, "observation")
    assert (row["codings"], row["code_text"]) == ([], "wheelchair")


@pytest.mark.parametrize(
    "resource",
    [
        service(doNotPerform=True),
        service(**modifier("http://hl7.org/fhir/StructureDefinition/request-doNotPerform", True)),
        device(**modifier(EXTENDED, True)),
        device(modifierExtension=[{"url": EXTENDED}]),
        prescription(doNotPerform=True),
        procedure(),
        immunization(),
        administration(),
    ],
)
def test_what_is_not_to_be_done_or_was_not(resource: Resource) -> None:
    row = only_row(resource, "observation")
    assert (row["kind"], row["qualifier"]) == ("not-done", resource["resourceType"])
    assert row["visit_occurrence_key"] == key("Encounter", "e1")
    assert row["codings"], "what was not done is named"


@pytest.mark.parametrize("make", [service, device])
def test_a_modifier_that_negates_nothing_leaves_an_order(make: Any) -> None:
    assert only_row(make(**modifier(EXTENDED, False)), "observation")["kind"].endswith("-order")
    assert excluded(make(**modifier("http://example.org/other", False))) == "modifier_extension"


def test_the_negation_counts_for_no_other_resource() -> None:
    assert excluded(procedure(**modifier(EXTENDED, False))) == "modifier_extension"


@pytest.mark.parametrize(
    ("resource", "code", "text"),
    [
        (service(doNotPerform=True, reasonCode=[REFUSED]), "105480006", "Refusal of treatment by patient"),
        (procedure(statusReason=REFUSED, reasonCode=[HOSPICE]), "105480006", "Refusal of treatment by patient"),
        (administration(statusReason=[REFUSED]), "105480006", "Refusal of treatment by patient"),
        (immunization(statusReason={"text": "was ill"}), None, "was ill"),
        (
            service(
                doNotPerform=True,
                extension=[{"url": f"{QI_CORE}doNotPerformReason", "valueCodeableConcept": REFUSED}],
            ),
            "105480006",
            "Refusal of treatment by patient",
        ),
        (procedure(), None, None),
    ],
)
def test_why_not(resource: Resource, code: str | None, text: str | None) -> None:
    row = only_row(resource, "observation")
    assert (row["reason_codings"] or [{}])[0].get("code") == code
    assert row["reason_text"] == text


@pytest.mark.parametrize("guide", ["us/qicore", "astp/us-quality-core"])
def test_a_cancelled_observation_that_says_why_was_not_made(guide: str) -> None:
    url = f"http://fhir.org/guides/{guide}/StructureDefinition/notDoneReason"
    why = [{"url": url, "valueCodeableConcept": REFUSED}]
    cancelled = observation(status="cancelled", extension=why, issued="2025-01-03T08:00:00Z")
    row = only_row(cancelled, "observation")
    assert (row["kind"], row["qualifier"], row["status"]) == ("not-done", "Observation", "cancelled")
    assert (row["reason_codings"][0]["code"], row["observation_date"]) == ("105480006", date(2025, 1, 1))
    undated = {name: part for name, part in cancelled.items() if name != "effectiveDateTime"}
    assert only_row(undated, "observation")["observation_date"] == date(2025, 1, 3)
    assert excluded(observation(status="cancelled")) == "status:cancelled"
    assert excluded(observation(status="entered-in-error", extension=why)) == "status:entered-in-error"


def test_when_it_was_not_done() -> None:
    recorded = [{"url": f"{QI_CORE}recorded", "valueDateTime": "2025-05-06"}]
    assert only_row(procedure(extension=recorded), "observation")["observation_date"] == date(2025, 5, 6)
    performed = procedure(extension=recorded, performedDateTime="2025-05-01")
    assert only_row(performed, "observation")["observation_date"] == date(2025, 5, 1)
    assert only_row(immunization(), "observation")["observation_date"] == date(2025, 10, 1)
    assert only_row(prescription(doNotPerform=True), "observation")["observation_date"] == date(2025, 1, 1)
    assert only_row(procedure(), "observation")["observation_date"] is None


def test_a_medication_not_to_be_taken_may_be_named_by_reference() -> None:
    row = only_row(prescription(doNotPerform=True, medicationReference={"reference": "Medication/7"}), "observation")
    assert (row["codings"], row["medication_key"]) == ([], key("Medication", "7"))


@pytest.mark.parametrize("make", [service, device])
@pytest.mark.parametrize("negated", [{}, modifier(EXTENDED, True)])
def test_what_is_no_order_makes_no_row(make: Any, negated: Resource) -> None:
    for intent in ("proposal", "plan", "option", "directive"):
        assert excluded(make(intent=intent, **negated)) == f"intent:{intent}"
    for status in ("draft", "revoked", "entered-in-error", "unknown"):
        assert excluded(make(status=status, **negated)) == f"status:{status}"
    assert excluded(make(subject={"reference": "Group/g1"}, **negated)) == "no_patient"


@pytest.mark.parametrize("profile", ["us-core", "ig-strict"])
def test_an_order_counts_in_both_profiles(profile: str) -> None:
    assert list(mapped(service(), profile)) == ["observation"]
