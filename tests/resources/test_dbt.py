"""dbt: one at a time in a home, gone with who started it, and silent about rows."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import IO

import psutil
import pytest

from resources import dbt
from resources.dbt_process import LOCK_VARIABLE
from resources.postgres import Database, Role
from resources.settings import Settings


@pytest.fixture
def held(settings: Settings, db: Database) -> Iterator[tuple[dict[str, str], IO[bytes]]]:
    """dbt's environment, and its lock as another dbt would hold it."""
    variables = {**os.environ, **dbt.environment(settings, db)}
    with Path(variables[LOCK_VARIABLE]).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield variables, lock


def test_a_second_dbt_waits_for_the_first(held: tuple[dict[str, str], IO[bytes]]) -> None:
    variables, lock = held
    waiting = subprocess.Popen(dbt.command(["parse", "--quiet"]), env=variables, stdout=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=12)
    fcntl.flock(lock, fcntl.LOCK_UN)
    assert waiting.wait(timeout=60) == 0


def test_dbt_dies_with_who_started_it(held: tuple[dict[str, str], IO[bytes]]) -> None:
    script = (
        "import subprocess, sys; child = subprocess.Popen(sys.argv[1:]); print(child.pid, flush=True); child.wait()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, *dbt.command(["parse"])], env=held[0], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    child = psutil.Process(int(starter.stdout.readline()))
    with pytest.raises(psutil.TimeoutExpired):
        child.wait(timeout=3)
    starter.kill()
    starter.wait()
    child.wait(timeout=10)
    assert not child.is_running()


def test_a_failing_model_leaves_no_row_value(settings: Settings, db: Database) -> None:
    with db.connect(Role.INGEST) as connection:
        connection.execute(
            "INSERT INTO bronze.person (person_key, resource_key, source_system, year_of_birth, month_of_birth) "
            "VALUES (1, 1, 'ehr', 1960, 1), (2, 2, 'ehr', 1960, 98765)"
        )
    with pytest.raises(dbt.DbtBuildError, match="measure_person"):
        dbt.build(settings, db, select=["+measure_person"], tests=False)
    written = [path for path in settings.dbt_directory.rglob("*") if path.is_file()]
    assert len(written) > 3
    assert [path for path in written if b"98765" in path.read_bytes()] == []


def test_a_database_that_refuses_is_named_as_the_cause(settings: Settings, db: Database) -> None:
    nowhere = replace(db, parameters=tuple(sorted({**dict(db.parameters), "dbname": "nowhere"}.items())))
    with pytest.raises(dbt.DbtBuildError, match=r"the database refused or did not answer") as caught:
        dbt.build(settings, nowhere, select=["source_to_concept_map"])
    assert "nowhere" not in str(caught.value)


def test_a_signal_is_named_as_the_cause(
    held: tuple[dict[str, str], IO[bytes]], settings: Settings, db: Database
) -> None:
    def waiting() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if "resources.dbt_process" in child.cmdline()]

    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(dbt.build, settings, db)
        while not (children := waiting()):
            assert not building.done()
        children[0].kill()
        with pytest.raises(dbt.DbtBuildError, match="ended by SIGKILL"):
            building.result()


def test_the_version_is_told_without_asking_anyone() -> None:
    """dbt's own answer names the latest version or the address it could not reach; this one knows neither."""
    told = subprocess.run([*dbt.command([])[:-2], "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["dbt-core", version("dbt-core")]
    assert told.stderr == ""
