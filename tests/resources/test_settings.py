"""Settings come from SANCTUM_ variables, typed, and from nowhere else."""

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from resources import telemetry
from resources.dagster import environment
from resources.postgres import database
from resources.settings import load_settings

ROOMS = ("pipelines", "inference", "resources", "assets")
REPOSITORY = Path(__file__).resolve().parents[2]


def test_variables_are_read_and_relative_folders_become_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCTUM_HOME", "state")
    monkeypatch.setenv("SANCTUM_WORKERS", "3")
    settings = load_settings()
    assert settings.home == tmp_path / "state"
    assert settings.workers == 3
    assert settings.fhir_inbox_directory == tmp_path / "state" / "inbox" / "fhir"


def test_a_wrong_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCTUM_VALIDATION", "none")
    with pytest.raises(ValidationError, match="validation"):
        load_settings()


def test_a_misspelt_variable_and_an_unknown_zone_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCTUM_TIME_ZONE", "US/Estern")
    with pytest.raises(ValidationError, match="time zone"):
        load_settings()
    monkeypatch.delenv("SANCTUM_TIME_ZONE")
    monkeypatch.setenv("SANCTUM_TIMEZONE", "America/New_York")
    with pytest.raises(ValueError, match="SANCTUM_TIMEZONE"):
        load_settings()


def test_the_database_password_is_not_in_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCTUM_DATABASE_URL", "postgresql://sanctum_owner:hunter2@db/sanctum")
    assert "hunter2" not in repr(load_settings())


def test_two_databases_are_refused_and_no_error_shows_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCTUM_DATABASE_URL", "postgresql://sanctum_owner:hunter2@db/sanctum")
    monkeypatch.setenv("SANCTUM_DATABASE_URL_FILE", "/run/secrets/url")
    with pytest.raises(ValidationError, match="database_url_file") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("SANCTUM_WORKERS", "many")
    with pytest.raises(ValidationError, match="workers") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def _reads_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and (
        node.attr in ("getenv", "environb") or (node.attr == "environ" and getattr(node.value, "id", "") == "os")
    )


def test_only_settings_and_what_starts_processes_touch_the_environment() -> None:
    # These hand the environment on to child processes or to libraries that read nothing else; none reads a setting.
    allowed = {
        "assets/cli/main.py",
        "assets/dbt.py",
        "assets/environment.py",
        "assets/model_call.py",
        "inference/engine.py",
        "pipelines/demo/population.py",
        "pipelines/egress.py",
        "resources/dbt.py",
        "resources/dbt_process.py",
        "resources/libpq_environment.py",
        "resources/settings.py",
        "resources/telemetry.py",
    }
    found = {
        path.relative_to(REPOSITORY).as_posix()
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*.py")
        if any(_reads_environment(node) for node in ast.walk(ast.parse(path.read_text())))
    }
    assert found <= allowed


def test_importing_any_room_switches_telemetry_off(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "no")
    telemetry.switch_off()
    assert {name: os.environ[name] for name in telemetry.SWITCHES} == dict(telemetry.SWITCHES)


def test_limits_are_a_json_object_of_shares_and_reach_child_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SANCTUM_QUARANTINE_LIMITS", '{"not_json": 0.01, "no_id": 0}')
    settings = load_settings(home=tmp_path)
    assert dict(settings.quarantine_limits) == {"not_json": 0.01, "no_id": 0}
    assert hash(settings) == hash(load_settings(home=tmp_path))
    variables = environment(settings, database(load_settings(home=tmp_path, database_url="postgresql:///x?host=/x")))
    monkeypatch.setenv("SANCTUM_QUARANTINE_LIMITS", variables["SANCTUM_QUARANTINE_LIMITS"])
    assert load_settings(home=tmp_path) == settings
    for wrong in ('{"not_json": 2}', "not_json=1", "[1]"):
        monkeypatch.setenv("SANCTUM_QUARANTINE_LIMITS", wrong)
        with pytest.raises(ValidationError, match="quarantine_limits"):
            load_settings()


def test_hosts_are_separated_by_commas_and_reach_child_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for text, hosts in {"": set(), "Minio.Example, 10.0.0.7,::1": {"minio.example", "10.0.0.7", "::1"}}.items():
        monkeypatch.setenv("SANCTUM_OBJECT_STORE_HOSTS", text)
        settings = load_settings(home=tmp_path)
        assert settings.object_store_hosts == hosts
        named = database(load_settings(home=tmp_path, database_url="postgresql:///x?host=/x"))
        monkeypatch.setenv("SANCTUM_OBJECT_STORE_HOSTS", environment(settings, named)["SANCTUM_OBJECT_STORE_HOSTS"])
        assert load_settings(home=tmp_path) == settings
    for wrong in ("https://minio.example", "minio.example:9000", "minio.example/", "*", "*.example", "a b"):
        monkeypatch.setenv("SANCTUM_OBJECT_STORE_HOSTS", wrong)
        with pytest.raises(ValidationError, match="without scheme, port and path"):
            load_settings()
