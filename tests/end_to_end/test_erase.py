"""``sanctum erase`` as it is typed: killed and run again, asked about, wrong."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources import audit, dbt
from resources.postgres import Database, Role
from tests.conftest import database_url
from tests.end_to_end.home import Home, home_environment
from tests.identities import identity
from tests.pipelines import erasure_home as population
from tests.pipelines.erasure_home import GONE, STAYS, Built

ERASE = ("erase", str(GONE), "--reason-code", "data-subject-request", "--yes")


@pytest.fixture
def built(server: Database, tmp_path: Path) -> Built:
    return population.copy_of_built(server, tmp_path)


@pytest.fixture
def home(built: Built) -> Home:
    environment = home_environment(
        built.settings.home, SANCTUM_DATABASE_URL=database_url(built.settings), SANCTUM_AS_OF="2026-10-31"
    )
    return Home(environment, built.database)


def assert_gone(server: Database, built: Built) -> None:
    assert population.canaries_in_tables(population.rows_of_all_tables(server, built.database)) == {}
    assert population.canaries_in_files(built.settings.home) == []


def is_there(home: Home, person_key: int) -> bool:
    with home.database.connect(Role.INGEST) as connection:
        query = "SELECT FROM bronze.person WHERE person_key = %s"
        return connection.execute(query, (person_key,)).fetchone() is not None


# What another process sees of an erasure under way, early to late.
_POINTS = {
    "tombstones are there": "SELECT count(*) > 0 FROM landing.erased_person",
    "words are kept": "SELECT count(*) > 0 FROM landing.erasure_token",
    "the first file is overwritten": "SELECT count(*) > 0 FROM landing.redacted_content",
    "rows are deleted": "SELECT count(*) > 0 FROM landing.erasure WHERE state = 'erased'",
}


@pytest.mark.parametrize("point", _POINTS)
def test_killed_and_run_again_it_finishes(server: Database, built: Built, home: Home, point: str) -> None:
    with built.database.connect(Role.INGEST, autocommit=True) as watching:

        def reached() -> bool:
            row = watching.execute(_POINTS[point].encode()).fetchone()
            return bool(row and row[0])

        assert home.kill_when(reached, *ERASE)
        _wait_for_its_session(home)
        # Either the rows are there or the audit log says that they are gone, never neither.
        gone = not is_there(home, GONE)
        said = "erase" in {
            event["action"] for event in audit.events_of(built.settings, built.database, identity(Role.AUDITOR), GONE)
        }
        assert gone == said
    report = home.run(*ERASE)
    assert (report["state"], report["left"]) == ("verified", 0)
    assert report["rows"]["bronze.person"] == 2
    assert_gone(server, built)
    assert home.count(Role.INGEST, "SELECT count(*) FROM landing.erasure_token") == 0
    assert is_there(home, STAYS)


def _wait_for_its_session(home: Home) -> None:
    """The server notices a killed client when it next writes to it."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sanctum_eraser' AND datname = current_database()"
    for _ in range(200):
        if home.count(Role.INGEST, query) == 0:
            return
        time.sleep(0.05)


def test_the_command_and_what_is_built_after_it(server: Database, built: Built, home: Home) -> None:
    gaps = b"SELECT * FROM features.care_gap WHERE person_id = %s ORDER BY measure_id"
    timeline = b"SELECT * FROM features.patient_timeline WHERE person_id = %s ORDER BY cdm_table, cdm_id"
    with built.database.connect(Role.TRANSFORM) as connection:
        before = [connection.execute(query, (STAYS,)).fetchall() for query in (gaps, timeline)]
    dry = home.run("erase", str(GONE), "--reason-code", "data-subject-request", "--dry-run")
    assert dry["state"] == "preview"
    assert is_there(home, GONE)
    # What lies in the inboxes goes too, and what does not may be landed again.
    inbox = built.settings.fhir_inbox_directory
    inbox.mkdir(parents=True)
    (inbox / "again.ndjson").write_bytes((built.fhir / "a.ndjson").read_bytes())
    report = home.run(*ERASE)
    assert (report["state"], report["left"]) == ("verified", 0)
    assert_gone(server, built)
    assert home.run("ingest", "fhir", str(inbox))["excluded"]["already_loaded"] > 10
    assert home.run("ingest", "fhir", str(built.fhir))["loaded"] == {}
    dbt.build(built.settings, built.database, as_of=population.AS_OF)
    with built.database.connect(Role.TRANSFORM) as connection:
        after = [connection.execute(query, (STAYS,)).fetchall() for query in (gaps, timeline)]
        people = connection.execute("SELECT person_id FROM omop.person").fetchall()
    assert (after, people) == (before, [(STAYS,)])
    assert_gone(server, built)


def test_wrong_commands_change_nothing(built: Built, home: Home) -> None:
    assert "no source names" in home.run("erase", "4711", *ERASE[2:], succeeds=False)["error"]
    assert "one of" in home.run("erase", str(GONE), "--reason-code", "because", "--yes", succeeds=False)["error"]
    # Nobody is there to be asked.
    done = subprocess.run(
        [sys.executable, "-m", "assets.cli", *ERASE[:-1]],
        env=home.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"--yes" in done.stderr
    assert home.count(Role.INGEST, "SELECT count(*) FROM landing.erasure") == 0


def test_what_is_left_is_exit_status_1_and_named_without_the_word(built: Built, home: Home) -> None:
    stray = built.settings.home / "dbt" / "stray.log"
    stray.write_text(population.NOTE)
    report = home.run(*ERASE, succeeds=False)
    assert report["left_in"] == {f"dbt/stray.log (inode {stray.stat().st_ino})": 1}
    stray.unlink()
    assert home.run(*ERASE)["state"] == "verified"
