"""Provenance as bronze rows: which organisation asserted or transmitted what, and nobody's name."""

from datetime import UTC, datetime
from typing import Any

from pipelines.keys import derived_key
from resources.postgres import Database
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.synthetic import Resource, concept, excluded, key, mapped, ndjson, rows

AUTHOR = {
    "type": concept("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author"),
    "who": {"reference": "Practitioner/d1", "display": "Dr Jo Doe"},
    "onBehalfOf": {"reference": "Organization/o1"},
}
TRANSMITTER = {
    "type": concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type", "transmitter"),
    "who": {"reference": "Organization/o2", "display": "Exchange"},
}


def provenance(*targets: str, **parts: Any) -> Resource:
    given = {"recorded": "2025-01-02T10:00:00-05:00", "agent": [AUTHOR, TRANSMITTER]}
    found = {"resourceType": "Provenance", "id": "v1", "target": [{"reference": target} for target in targets]}
    return found | given | parts


def test_a_row_says_what_an_agent_did_for_which_organisation() -> None:
    found = mapped(provenance("Observation/o1/_history/2", "Condition/c1"))["provenance"]
    assert [(row["target_key"], row["agent_type"], row["care_site_key"]) for row in found] == [
        (key(kind, name), agent, key("Organization", organisation))
        for kind, name in (("Observation", "o1"), ("Condition", "c1"))
        for agent, organisation in (("author", "o1"), ("transmitter", "o2"))
    ]
    assert {row["recorded_at"] for row in found} == {datetime(2025, 1, 2, 15, tzinfo=UTC)}
    assert found[0]["provenance_key"] == derived_key(str(key("Provenance", "v1")), "0", "0")
    assert not any("Doe" in str(value) for row in found for value in row.values())


def test_an_agent_of_another_kind_and_a_person_alone_are_not_named() -> None:
    agent = {"type": concept("urn:x", "Jo Doe"), "who": {"reference": "Patient/p1"}}
    (row,) = mapped(provenance("Observation/o1", agent=[agent]))["provenance"]
    assert (row["agent_type"], row["care_site_key"]) == (None, None)


def test_what_leads_to_nothing_makes_no_row() -> None:
    assert excluded(provenance("urn:uuid:5d2e1f0a-0000-4000-8000-000000000001")) == "no_target"


def test_a_newer_version_replaces_the_rows(ingest: Ingest, db: Database) -> None:
    first = provenance("Observation/o1", "Condition/c1", meta={"lastUpdated": "2025-01-01T00:00:00Z"})
    ingest({"a.ndjson": ndjson([first])})
    assert len(rows(db, "provenance")) == 4
    ingest({"b.ndjson": ndjson([provenance("Condition/c1", meta={"lastUpdated": "2025-01-02T00:00:00Z"})])})
    assert {row["target_key"] for row in rows(db, "provenance")} == {key("Condition", "c1")}
