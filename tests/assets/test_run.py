"""Runs are kept in PostgreSQL, work with the caller's settings, tell no content, and survive a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.dbt import dbt_definitions
from assets.run import JobResult, RunNotStartedError, execute_job
from resources import dbt
from resources.dagster import dev_command, environment
from resources.postgres import Database, Role, database
from resources.settings import Settings, load_settings
from tests.assets.small_location import CANARY
from tests.assets.test_definitions import small_project
from tests.conftest import database_url

MODULE = "tests.assets.small_location"


def run(settings: Settings, name: str) -> JobResult:
    return execute_job(settings, database(settings), name, module=MODULE)


def stored(db: Database, query: str) -> Any:
    with db.connect(Role.DAGSTER) as connection:
        return connection.execute(query.encode()).fetchall()


def files_with(folder: Path, word: str) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.is_file() and word.encode() in p.read_bytes()]


def test_run_is_stored_in_postgres_and_sees_the_callers_settings(
    settings: Settings, db: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({role.value: f"{CANARY}-of-{role}" for role in Role}))
    passwords.chmod(0o600)
    own = settings.model_copy(
        update={"hl7_inbox": settings.home / "elsewhere", "role_passwords_file": passwords},
    )
    steps: list[tuple[int, int | None]] = []
    before = dict(os.environ)
    result = execute_job(
        own, database(own), "good_job", lambda _, done, total: steps.append((done, total)), module=MODULE
    )

    assert result.succeeded
    assert result.metadata["good"] == {"home": str(settings.home), "inbox": str(settings.home / "elsewhere")}
    assert result.failed_checks == ("doubtful:fails",)
    assert result.warned_checks == ("doubtful:warns",)
    assert steps
    assert {total for _, total in steps} == {2}
    assert stored(db, "SELECT run_id, status FROM dagster.runs") == [(result.run_id, "SUCCESS")]
    assert stored(db, "SELECT count(*) FROM dagster.event_logs")[0][0] > 0
    assert list(settings.home.rglob("*.db")) == []
    assert dict(os.environ) == before
    # Dagster's processes have the passwords in their environment and tell nobody.
    told = [stored(db, f"TABLE dagster.{table}") for table in ("event_logs", "runs", "run_tags")]
    assert CANARY not in repr(told) + "".join(capfd.readouterr())
    assert files_with(settings.home, CANARY) == []


def test_failure_tells_step_and_class_and_no_content(settings: Settings, db: Database) -> None:
    result = run(settings, "bad_job")
    assert not result.succeeded
    assert result.failures.keys() == {"bad"}
    assert "ValueError" in result.failures["bad"]
    assert CANARY not in repr(result)
    assert CANARY not in repr(stored(db, "SELECT event FROM dagster.event_logs"))
    assert files_with(settings.dagster_home, CANARY) == []


def test_run_that_does_not_start_says_so(settings: Settings) -> None:
    with pytest.raises(RunNotStartedError, match="absent_job"):
        run(settings, "absent_job")


def test_run_after_a_killed_one_works_and_closes_it(settings: Settings, db: Database) -> None:
    script = "import sys; from tests.assets.test_run import run_from_json; run_from_json(sys.argv[1])"
    values = {"home": str(settings.home), "database_url": database_url(settings)}
    killed = subprocess.Popen([sys.executable, "-c", script, json.dumps(values)], start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not (settings.home / "started").exists():
            assert time.monotonic() < deadline, "the slow step did not start"
            time.sleep(0.1)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    (settings.home / "hurry").touch()

    assert run(settings, "slow_job").succeeded
    assert stored(db, "SELECT status FROM dagster.runs ORDER BY id") == [("FAILURE",), ("SUCCESS",)]


def run_from_json(text: str) -> None:
    run(load_settings(**json.loads(text)), "slow_job")


def test_failing_model_tells_its_name_and_no_row_value(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    small_project(tmp_path, f"SELECT '{CANARY}' || (1 + 1)::text AS a")
    (tmp_path / "models" / "two.sql").write_text("SELECT a::integer AS b FROM {{ ref('one') }}")
    monkeypatch.setattr(dbt, "PROJECT_DIRECTORY", tmp_path)
    models = dbt_definitions(settings)

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([models], resources={"settings": settings}, instance=instance, raise_on_error=False)
        logs = [entry.to_json() for entry in instance.all_logs(result.run_id)]
    failure = result.get_step_failure_events()[0].step_failure_data.error
    assert failure is not None
    assert "two" in failure.to_string()
    assert f"{CANARY}2" not in "".join(logs)
    assert f"{CANARY}2" not in "".join(capfd.readouterr())


def test_environment_carries_settings_and_no_password_lies_on_disk(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({Role.DAGSTER.value: CANARY}))
    passwords.chmod(0o600)
    settings = load_settings(
        home=tmp_path / "home",
        database_url=f"postgresql://sanctum_owner:{CANARY}@db.invalid/sanctum?sslmode=verify-full",
        role_passwords_file=passwords,
        as_of="2026-10-31",
    )
    variables = environment(settings, database(settings))
    assert variables["SANCTUM_AS_OF"] == "2026-10-31"
    assert variables["SANCTUM_HOME"] == str(settings.home)
    assert variables["SANCTUM_DATABASE_URL"] == database_url(settings)
    assert CANARY in variables["SANCTUM_DAGSTER_STORAGE_URL"]
    assert files_with(settings.home, CANARY) == []


def test_development_server_listens_on_loopback_only() -> None:
    command = dev_command(3001)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "3001"
