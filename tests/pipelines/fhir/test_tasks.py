"""Tasks that reject an order or a prescription, as bronze rows."""

from typing import Any

import pytest

from tests.pipelines.fhir.synthetic import Resource, concept, excluded, key, mapped, only_row

FULFIL = concept("http://hl7.org/fhir/CodeSystem/task-code", "fulfill")


def task(**parts: Any) -> Resource:
    stated = {"status": "rejected", "intent": "order", "code": FULFIL, "focus": {"reference": "MedicationRequest/m1"}}
    return {"resourceType": "Task", "id": "t1", **stated, **parts}


@pytest.mark.parametrize("kind", ["MedicationRequest", "ServiceRequest", "DeviceRequest"])
def test_a_rejected_request_is_named(kind: str) -> None:
    row = only_row(task(focus={"reference": f"{kind}/m1"}, **{"for": {"reference": "Patient/p1"}}), "rejected_request")
    assert (row["request_key"], row["person_key"]) == (key(kind, "m1"), key("Patient", "p1"))
    assert row["resource_key"] == key("Task", "t1")


def test_whose_it_is_may_be_said_by_the_request_alone() -> None:
    assert only_row(task(), "rejected_request")["person_key"] is None


def test_a_reference_without_a_type_may_be_to_any_request() -> None:
    uuid = "5d2e1f0a-0000-4000-8000-000000000001"
    rows = mapped(task(focus={"reference": f"urn:uuid:{uuid}"}))["rejected_request"]
    kinds = ("MedicationRequest", "ServiceRequest", "DeviceRequest")
    assert {row["request_key"] for row in rows} == {key(kind, uuid) for kind in kinds}
    typed = task(focus={"reference": f"urn:uuid:{uuid}", "type": "ServiceRequest"})
    assert only_row(typed, "rejected_request")["request_key"] == key("ServiceRequest", uuid)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"status": "completed"}, "status:completed"),
        ({"status": "requested"}, "status:requested"),
        ({"status": "entered-in-error"}, "status:entered-in-error"),
        ({"code": concept("http://hl7.org/fhir/CodeSystem/task-code", "approve")}, "no_fulfilment"),
        ({"code": {"text": "fulfill"}}, "no_fulfilment"),
        ({"focus": {"reference": "Observation/o1"}}, "no_request"),
        ({"focus": {"display": "the order"}}, "no_request"),
    ],
)
def test_other_tasks_reject_nothing(parts: Resource, reason: str) -> None:
    assert excluded(task(**parts)) == reason
