"""What of erased people arrives after their erasure, in whatever record and order, and what a killed load leaves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines import redaction, tombstones
from pipelines.fhir import ingest_fhir, land_fhir, load_fhir, loading
from pipelines.fhir.mapping.elements import canonical_authority
from pipelines.fhir.redaction import search
from pipelines.fhir_server.journal import DatabaseJournal
from pipelines.keys import resource_key
from pipelines.tombstones import identity
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.synthetic import key, ndjson, observation, patient, rows, write

BOB, ANN = {"reference": "Patient/bob"}, {"reference": "Patient/ann"}
MRN = {"system": "urn:oid:1.2.840.99", "value": "MRN-BOB", "type": {"coding": [{"code": "MR"}]}}
AGENT = {"recorded": "2026-02-03T00:00:00Z", "agent": [{"who": {"reference": "Organization/x"}}]}


def appointment(name: str, *people: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    participants = [{"actor": dict(person), "status": "accepted"} for person in people]
    return {"resourceType": "Appointment", "id": name, "status": "booked", "participant": participants, **parts}


def of(name: str, subject: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    return observation(name, subject=dict(subject), **parts)


def bury(db: Database, *people: int) -> None:
    with db.connect(Role.INGEST) as connection:
        tombstones.add(connection, people)


def landed(settings: Settings) -> bytes:
    """The bytes of every landed file."""
    return b"".join(path.read_bytes() for path in sorted(settings.landing_directory.rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    "record",
    [
        appointment("a", BOB, {"reference": "Practitioner/x"}, description="CANARY"),
        appointment("a", BOB, basedOn=[{"reference": "ServiceRequest/gone"}], description="CANARY"),
        {"resourceType": "Person", "id": "a", "name": [{"family": "CANARY"}], "link": [{"target": BOB}]},
        {"resourceType": "Schedule", "id": "a", "actor": [BOB], "comment": "CANARY"},
        {
            "resourceType": "Provenance",
            "id": "a",
            "target": [BOB, {"reference": "Condition/gone"}],
            "reason": [{"text": "CANARY"}],
            **AGENT,
        },
    ],
    ids=["appointment", "based-on", "person", "schedule", "provenance"],
)
def test_a_record_that_names_only_an_erased_person_stays_away(
    ingest: Ingest, settings: Settings, db: Database, record: Mapping[str, Any]
) -> None:
    bury(db, key("Patient", "bob"))
    account = ingest({"late.ndjson": ndjson([patient("ann"), dict(record)])})
    assert (account.excluded, account.loaded) == ({"erased": 1}, {"Patient": 1})
    assert [row["resource_id"] for row in rows(db, "resource")] == ["ann"]
    assert b"CANARY" not in landed(settings)
    assert b'"ann"' in landed(settings)


def test_records_of_others_lose_the_mention_and_nothing_else(ingest: Ingest, settings: Settings, db: Database) -> None:
    bury(db, key("Patient", "bob"))
    result = of("o1", ANN, focus=[BOB])
    told = {"resourceType": "Provenance", "id": "v", "target": [BOB, {"reference": "Observation/o1"}], **AGENT}
    records = [patient("ann"), appointment("both", ANN, BOB, description="of both"), result, told]
    ingest({"late.ndjson": ndjson(records)})
    text = ndjson(records)
    assert landed(settings) == text.replace(b"Patient/bob", b"0" * 11)
    assert text.count(b"Patient/bob") == 3
    assert {"ann", "both", "o1"} <= {row["resource_id"] for row in rows(db, "resource")}


def test_a_load_with_nothing_to_load_finishes_the_redaction_of_one_that_was_killed(
    ingest: Ingest, settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    bury(db, key("Patient", "bob"))
    with monkeypatch.context() as patched:
        patched.setattr(loading, "redact_due", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest({"a.ndjson": ndjson([patient("ann"), of("o", BOB, valueString="CANARY")])})
    assert b"CANARY" in landed(settings)
    assert load_fhir(settings, db).read.total() == 0
    assert b"CANARY" not in landed(settings)


def test_a_servers_file_stays_the_servers_when_its_bytes_change_before_its_load(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"source_system": "srv"})
    path = write(tmp_path / "b.ndjson", ndjson([of("o1", BOB, valueString="CANARY"), of("o2", ANN)]))
    DatabaseJournal(db, "srv").claim([path], datetime(2026, 1, 1, tzinfo=UTC))
    land_fhir(own, db, [path])
    bury(db, resource_key("srv", "Patient", "bob"))
    with db.connect(Role.INGEST) as connection:
        redaction.forget_everywhere(connection, ["fhir-ndjson"])
    assert redaction.redact_due(settings, db, ["fhir-ndjson"], search) == 1
    assert b"CANARY" not in landed(settings)
    assert load_fhir(settings, db).read.total() == 0
    assert load_fhir(own, db).loaded == {"Observation": 1}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_the_account_is_the_same_in_whatever_order_an_erased_person_is_known_again(
    settings: Settings, db: Database, tmp_path: Path, order: tuple[int, ...]
) -> None:
    erased = identity(canonical_authority("urn:oid:1.2.840.99"), "MRN-BOB", "1960-02-03")
    with db.connect(Role.INGEST) as connection:
        tombstones.add(connection, [key("Patient", "bob")], {erased.identifier: erased.born})
    again = {"reference": "Patient/bob2"}
    unusable = of("o2", again) | {"status": 7}
    records = [patient("bob2", identifier=[MRN]), of("o1", again), unusable, appointment("a", again)]
    path = write(tmp_path / "n.ndjson", ndjson([of("o9", ANN), *(records[place] for place in order)]))
    account = ingest_fhir(settings, db, [path])
    with db.connect(Role.INGEST) as connection:
        stored = connection.execute("SELECT account FROM landing.file_load").fetchone()
    assert stored == (account.as_dict(),)
    assert account.as_dict() == {
        "read": {"Appointment": 1, "Observation": 3, "Patient": 1},
        "loaded": {"Observation": 1},
        "excluded": {"erased": 4},
        "quarantined": {},
    }
    assert [row["resource_id"] for row in rows(db, "resource")] == ["o9"]
    assert rows(db, "quarantine.record", order="record_id") == []
    assert b"bob2" not in landed(settings)
