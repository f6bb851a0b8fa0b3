"""From a server to bronze, with the journal in the database."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipelines.fhir import land_fhir, load_fhir
from pipelines.fhir_server import ServerReport, ingest_server
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.journal import DatabaseJournal
from resources import locks
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import database_url, make_settings, superuser
from tests.pipelines.fhir.synthetic import ndjson, observation, patient, rows, updated
from tests.pipelines.fhir_server.conftest import Make
from tests.pipelines.fhir_server.hospital import Hospital

Run = Callable[..., ServerReport]
KICK_OFF = "Group/g1/$export"


@pytest.fixture
def quick(server: Database, tmp_path: Path) -> Settings:
    return make_settings(server, tmp_path / "home", validation="structural", workers=1)


@pytest.fixture
def run(quick: Settings) -> Run:
    """Ingest a server into the test's home; nothing may be left on the way."""

    def ingest(server: Any, **options: Any) -> ServerReport:
        report = ingest_server(quick, database(quick), server, **options)
        assert report.account.closes
        assert not (quick.fhir_server_directory / "hospital").exists()
        return report

    return ingest


def fill(site: Hospital) -> None:
    site.add(updated(patient(), 1))
    site.add(*(updated(observation(f"o{n}", valueInteger=n), 1 + n) for n in range(4)))


def values(db: Database) -> list[float]:
    return sorted(float(row["value_number"]) for row in rows(db, "measurement"))


def watermarks(db: Database) -> dict[str, str]:
    found = rows(db, "landing.fhir_watermark", "resource_type, read_until::text")
    return {row["resource_type"]: row["read_until"] for row in found}


def states(db: Database) -> list[str]:
    return [row["state"] for row in rows(db, "landing.fhir_export", "export_id, state")]


def test_what_changes_at_the_server_changes_here(site: Hospital, make: Make, run: Run, quick: Settings) -> None:
    db, server = database(quick), make("Patient", "Observation")
    fill(site)
    report = run(server)
    assert report.received == report.account.loaded == {"Patient": 1, "Observation": 4}
    assert (values(db), states(db)) == ([0, 1, 2, 3], ["loaded"])
    assert {row["source_system"] for row in rows(db, "resource")} == {"hospital"}
    assert report.advanced == dict.fromkeys(("Patient", "Observation"), "2026-03-01T12:00:00+00:00")

    # Rule 8: what the server deleted is withdrawn; and duplicates, which Oracle Health gives, are loaded once.
    del site.resources["Observation/o3"]
    site.deleted, site.time = ["Observation/o3"], "2026-03-02T12:00:00Z"
    site.add(updated(observation("o1", valueInteger=100), 1, meta={"lastUpdated": "2026-03-02T00:00:00Z"}))
    site.add({**site.resources["Observation/o1"], "id": "twin"})
    site.lines_each = 1
    site.mistakes["files/2/Observation-0"] = [lambda reply: type(reply)(200, reply.body * 2, reply.headers)]
    again = run(server)
    assert site.asked(KICK_OFF)[1].query["_since"] == ["2026-03-01T11:50:00.000Z"]
    assert again.received == {"Observation": 3, "deleted": 1}
    assert again.account.loaded == {"Observation": 2}
    assert again.account.excluded == {"unchanged": 1, "deleted": 1}
    assert again.findings == {"count_differs": 1}
    assert values(db) == [0, 2, 100, 100]
    assert set(watermarks(db).values()) == {"2026-03-02 12:00:00+00"}


def test_watermarks_of_many_types_are_one_question(
    site: Hospital, make: Make, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, connect = [], Database.connect

    def count(db: Database, *given: Any, **options: Any) -> psycopg.Connection[Any]:
        opened.append(given)
        return connect(db, *given, **options)

    monkeypatch.setattr(Database, "connect", count)
    run(make("Patient"))
    first = len(opened)
    run(make("Patient", "Observation", "Encounter", "Condition", "Procedure"))
    assert (len(opened), len(site.exports)) == (2 * first, 2)


def test_what_was_once_may_be_again(site: Hospital, make: Make, run: Run, quick: Settings) -> None:
    """The bytes of the third export are those of the first, and were landed before."""
    site.tracks_updates = False
    for value in (1, 2, 1):
        site.add(observation(valueInteger=value))
        run(make("Observation"))
        assert values(database(quick)) == [value]


def test_no_watermark_without_the_load(site: Hospital, make: Make, run: Run, quick: Settings, server: Database) -> None:
    fill(site)
    db = database(quick)
    with superuser(server, dict(db.parameters)["dbname"]) as connection:
        connection.execute("REVOKE INSERT ON bronze.measurement FROM sanctum_ingest")
        with pytest.raises(RuntimeError, match="SQLSTATE"):
            ingest_server(quick, db, make("Patient", "Observation"))
        assert (watermarks(db), states(db)) == ({}, ["started"])
        connection.execute("GRANT INSERT ON bronze.measurement TO sanctum_ingest")
    # What is landed and not loaded is this server's, and no other load takes it.
    assert load_fhir(quick, db).read.total() == 0
    assert not site.exports["1"]["deleted"]
    report = run(make("Patient", "Observation"))
    assert report.findings == {"export_resumed": 1}
    assert (len(site.exports), site.counted()["files/1/Observation-0"]) == (1, 1)
    assert (values(db), states(db)) == ([0, 1, 2, 3], ["loaded"])
    assert set(watermarks(db)) == {"Patient", "Observation"}


_KILLED = """
import os, sys
from pipelines.fhir_server import ingest_server
from pipelines.fhir_server.configuration import Server
from resources.postgres import database
from resources.settings import load_settings

def die(stage, done, total):
    if stage == "waiting for the export":
        os.kill(os.getpid(), 9)

settings = load_settings(home=sys.argv[1], database_url=sys.argv[2])
ingest_server(settings, database(settings), Server.model_validate_json(sys.argv[3]), die)
"""


def test_a_run_that_is_killed_while_it_waits_goes_on(site: Hospital, make: Make, run: Run, quick: Settings) -> None:
    """Rule 9, at its hardest: killed after the kick-off and before the first poll."""
    fill(site)
    server = make("Patient", "Observation")
    url = database_url(quick)
    arguments = [sys.executable, "-c", _KILLED, str(quick.home), url, server.model_dump_json()]
    killed = subprocess.run(arguments, check=False, timeout=60, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    assert site.counted()["status/1"] == 0
    assert run(server).findings == {"export_resumed": 1}
    assert len(site.exports) == 1
    assert values(database(quick)) == [0, 1, 2, 3]


def test_patients_are_searched_one_by_one(site: Hospital, make: Make, run: Run, quick: Settings) -> None:
    """A patient who is new is read whole, one who is refused stays where they were, the others go on."""
    db = database(quick)
    about = {"subject": {"reference": "Patient/p2"}}
    searches = [{"type": "Patient"}, {"type": "Observation", "per_patient": "patient"}]
    fill(site)
    run(make(searches=searches))
    assert values(db) == [0, 1, 2, 3]
    site.add(updated(patient("p2"), 2, meta={"lastUpdated": site.time}))
    site.add(updated(observation("x1", valueInteger=7, **about), 1))
    site.time = "2026-03-02T12:00:00Z"
    site.refused_patients = {"p1"}
    second = run(make(searches=searches))
    assert (second.findings, values(db)) == ({"patient_refused": 1}, [0, 1, 2, 3, 7])
    site.refused_patients = set()
    run(make(searches=searches))
    asked = [(one.query["patient"][0], one.query.get("_lastUpdated")) for one in site.asked("Observation")]
    first, after = ["ge2026-03-01T11:50:00.000Z"], ["ge2026-03-02T11:50:00.000Z"]
    assert asked == [("p1", None), ("p1", first), ("p2", None), ("p1", first), ("p2", after)]


def test_one_run_at_a_time_asks_a_server(site: Hospital, make: Make, run: Run) -> None:
    fill(site)
    refused: list[str] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == "waiting for the export":
            with pytest.raises(FhirServerError) as caught:
                run(make("Patient"))
            refused.append(str(caught.value))

    run(make("Patient"), progress=progress)
    assert refused == ["FHIR server hospital: another run is under way."]


def test_an_erasure_waits_for_files_on_their_way_to_landing(site: Hospital, make: Make, quick: Settings) -> None:
    fill(site)
    db = database(quick)
    seen: list[bool] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        with db.connect(Role.ERASER, autocommit=True) as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (locks.FHIR_FILES,)).fetchone()
            seen.append(bool(row and row[0]))

    ingest_server(quick, db, make("Patient"), progress)
    assert seen[0] is True
    assert set(seen[1:]) == {False}


def test_another_source_system_leaves_a_servers_files_alone(quick: Settings) -> None:
    """A nightly load that runs between landing and loading would give the resources other keys."""
    db, path = database(quick), quick.home / "x.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ndjson([patient()]))
    DatabaseJournal(db, "hospital").claim([path], datetime(2026, 1, 1, tzinfo=UTC))
    land_fhir(quick, db, [path])
    assert load_fhir(quick, db).read.total() == 0
    assert load_fhir(quick.model_copy(update={"source_system": "hospital"}), db).loaded == {"Patient": 1}


def test_the_journal_can_not_be_rewritten(quick: Settings) -> None:
    db = database(quick)
    export = DatabaseJournal(db, "hospital").begin_export(["Patient"], ["Patient"], "https://fhir.example/1")
    for statement in (
        "UPDATE landing.fhir_export SET status_url = 'https://elsewhere.example'",
        "DELETE FROM landing.fhir_export",
        "UPDATE landing.content_source SET source_system = 'x'",
    ):
        with db.connect(Role.INGEST) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
    with pytest.raises(RuntimeError, match="fhir_export_open"):
        DatabaseJournal(db, "hospital").begin_export(["Patient"], ["Patient"], "https://fhir.example/2")
    assert DatabaseJournal(db, "hospital").open_export() == export
    assert DatabaseJournal(db, "other").open_export() is None
