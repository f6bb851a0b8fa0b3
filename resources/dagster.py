"""How Dagster is run: its instance configuration, its environment, its development server.

Belongs here: files and variables that Dagster reads. Does not belong here: assets, or importing Dagster.
"""

import json
import os
import sys
from pathlib import Path

from pydantic import SecretStr

from resources.postgres import Database, Role
from resources.settings import Settings
from resources.telemetry import SWITCHES

WORKSPACE = Path(__file__).resolve().parents[1] / "workspace.yaml"

_STORAGE_URL = "SANCTUM_DAGSTER_STORAGE_URL"
_INFERENCE_PYTHON = "SANCTUM_INFERENCE_LOCATION_PYTHON"


def write_instance(settings: Settings) -> Path:
    """Write ``dagster.yaml`` of this home's instance and return its folder, the DAGSTER_HOME.

    Runs, events, schedules and sensors are kept in the warehouse's schema ``dagster``; the connection string comes from
    the environment, so that no password lies on disk. Step output stays in the folder.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = home / f"dagster.yaml.{os.getpid()}"
    # Every JSON document is a YAML document.
    temporary.write_text(json.dumps(_instance(home), indent=2) + "\n")
    temporary.replace(home / "dagster.yaml")
    return home


def _instance(home: Path) -> dict[str, object]:
    def local(module: str, name: str, folder: str) -> dict[str, object]:
        return {"module": module, "class": name, "config": {"base_dir": str(home / folder)}}

    return {
        "storage": {"postgres": {"postgres_url": {"env": _STORAGE_URL}}},
        "local_artifact_storage": local("dagster._core.storage.root", "LocalArtifactStorage", "storage"),
        "compute_logs": local(
            "dagster._core.storage.local_compute_log_manager", "LocalComputeLogManager", "compute_logs"
        ),
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 180,
            "max_resume_run_attempts": 0,
            "free_slots_after_run_end_seconds": 60,
        },
        "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
        # By their pools no two steps rebuild the same tables or hold a language model each. A second run may begin, so
        # that a refresh does not wait for the models.
        "concurrency": {"runs": {"max_concurrent_runs": 2}, "pools": {"default_limit": 1, "granularity": "op"}},
        # Five seconds is what it would wait else, a sixth of what a refresh may take.
        "run_queue": {"dequeue_interval_seconds": 1},
        "retention": {
            "schedule": {"purge_after_days": 90},
            "sensor": {"purge_after_days": {"skipped": 2, "failure": 30, "success": 30}},
        },
        "freshness": {"enabled": True},
    }


def environment(settings: Settings, database: Database) -> dict[str, str]:
    """Variables that Dagster's processes need, beside the process's own.

    They carry these very settings, so that every child process works in the same home. The instance is written first.
    """
    return {
        **SWITCHES,
        **_settings_variables(settings),
        "DAGSTER_HOME": str(write_instance(settings)),
        _STORAGE_URL: database.url(Role.DAGSTER),
        _INFERENCE_PYTHON: str(settings.inference_python or sys.executable),
    }


def _settings_variables(settings: Settings) -> dict[str, str]:
    variables = {}
    for name, value in settings:
        if value is not None:
            variables[f"SANCTUM_{name.upper()}"] = _text(value)
    return variables


def _text(value: object) -> str:
    """A setting's value as its variable has it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return json.dumps(dict(value)) if isinstance(value, tuple) else str(value)


def dev_command(port: int) -> list[str]:
    """The command line of Dagster's UI and daemon, on loopback only."""
    serve = ["dev", "--host", "127.0.0.1", "--port", str(port), "--workspace", str(WORKSPACE)]
    return [sys.executable, "-m", "dagster", *serve]
