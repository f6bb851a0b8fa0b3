"""How dbt is run: where its project is, what its profile reads, which variables a build takes."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from resources.dbt_process import LOCK_VARIABLE, alone
from resources.postgres import Database
from resources.settings import Settings

_DATABASE_ERROR = re.compile(rb"Encountered an error:\s+Database Error\b")
"""How dbt begins to tell of an error outside of nodes."""
NO_UNIT_TESTS = ["--exclude-resource-type", "unit_test"]
"""Unit tests are of the models and not of a site's data: the test suite runs them, no build does."""
PROJECT_DIRECTORY = Path(__file__).resolve().parents[1] / "dbt_project"


class DbtBuildError(RuntimeError):
    """A model or test failed; the text names nodes, never values."""


@dataclass(frozen=True)
class BuildResult:
    """Outcome of one ``dbt build``: number of nodes by status, and the names of those that failed or warned."""

    counts: dict[str, int]
    failed: tuple[str, ...]
    warned: tuple[str, ...]


def environment(settings: Settings, database: Database) -> dict[str, str]:
    """Variables dbt needs, beside the process's own: the profile's, its lock and where it may write.

    It writes no log: the database's error texts, which echo row values, would be in it.
    """
    return {
        **database.dbt_environment(),
        "DBT_PROFILES_DIR": str(PROJECT_DIRECTORY),
        "DBT_TARGET_PATH": str(settings.dbt_directory / "target"),
        "DBT_LOG_PATH": str(settings.dbt_directory / "logs"),
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_USE_COLORS": "false",
        LOCK_VARIABLE: str(_lock(settings)),
        "SANCTUM_DBT_THREADS": str(settings.workers),
    }


def no_build(settings: Settings) -> AbstractContextManager[None]:
    """Waits until no build runs in this home, and lets none start meanwhile."""
    return alone(_lock(settings))


def _lock(settings: Settings) -> Path:
    settings.dbt_directory.mkdir(parents=True, exist_ok=True)
    return settings.dbt_directory / "lock"


def default_period(as_of: date) -> tuple[date, date]:
    """The calendar year of a day: the measurement period unless another is asked for."""
    return date(as_of.year, 1, 1), date(as_of.year, 12, 31)


def variables(as_of: date, period: tuple[date, date] | None = None, access_day: date | None = None) -> dict[str, str]:
    """dbt variables of a build: its days as ISO dates, and the project's hash.

    Args:
        as_of: day features are computed for.
        period: measurement period, both ends included; default: the calendar year of as_of.
        access_day: day for which it is judged who is in whose care; default: as_of.
    """
    start, end = period or default_period(as_of)
    if start > end:
        raise ValueError(f"measurement period starts {start} after its end {end}")
    days = {"as_of": as_of, "period_start": start, "period_end": end, "access_day": access_day or as_of}
    return {**{name: day.isoformat() for name, day in days.items()}, "project_sha256": project_sha256()}


def project_sha256() -> str:
    """Hash of the project's files and of dbt's version: another one, and the same bronze may make other tables."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-postgres')}".encode())
    kept = (path for path in sorted(PROJECT_DIRECTORY.rglob("*")) if path.is_file() and "target" not in path.parts)
    for path in kept:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(PROJECT_DIRECTORY).as_posix()}\x1f{content}\n".encode())
    return digest.hexdigest()


def declared_variables() -> dict[str, Any]:
    """Variables as ``dbt_project.yml`` declares them."""
    declared: dict[str, Any] = yaml.safe_load((PROJECT_DIRECTORY / "dbt_project.yml").read_text())["vars"]
    return declared


def command(arguments: Sequence[str]) -> list[str]:
    """The dbt command line of this environment."""
    return [sys.executable, "-m", "resources.dbt_process", *arguments, "--project-dir", str(PROJECT_DIRECTORY)]


def build(
    settings: Settings,
    database: Database,
    *,
    as_of: date | None = None,
    period: tuple[date, date] | None = None,
    select: Sequence[str] = (),
    tests: bool = True,
    only_feature_days: bool = False,
) -> BuildResult:
    """Run ``dbt build``: seeds and models, each followed by its tests.

    Args:
        settings: where dbt writes its target and logs.
        database: the warehouse.
        as_of: day features are computed for; default: the settings' day.
        period: measurement period, both ends included; default: the calendar year of as_of.
        select: dbt node selectors; default: everything.
        tests: whether tests run; a failed one stops what depends on its model.
        only_feature_days: what is selected reads no bronze, so that changes that wait for a build go on to wait.

    Raises:
        DbtBuildError: a node failed; the text names the nodes.
    """
    day = as_of or settings.effective_as_of()
    chosen = {**variables(day, period, settings.effective_as_of()), "only_feature_days": only_feature_days}
    arguments = ["build", "--quiet", "--vars", json.dumps(chosen)]
    arguments += NO_UNIT_TESTS if tests else [*NO_UNIT_TESTS, "test"]
    if select:
        arguments += ["--select", *select]
    results = settings.dbt_directory / "target" / "run_results.json"
    results.unlink(missing_ok=True)
    done = subprocess.run(
        command(arguments), env={**os.environ, **environment(settings, database)}, capture_output=True, check=False
    )
    forget_messages(results)
    result = _read_results(results)
    if done.returncode != 0:
        raise DbtBuildError(failure(result.failed, done.returncode, done.stdout))
    return result


def compiled_for_refresh(settings: Settings, database: Database, as_of: date) -> dict[str, Any]:
    """dbt's manifest with the SQL of every model and test as a refresh of some persons runs it.

    It is compiled once for a project and a day, and kept below the home until that of another day replaces it.

    Raises:
        DbtBuildError: the project can't be compiled.
    """
    kept = settings.dbt_directory / "refresh"
    target = kept / f"{project_sha256()[:16]}-{as_of.isoformat()}"
    if not (target / "manifest.json").is_file():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept, prefix=".unfinished-") as unfinished:
            _compile_for_refresh(settings, database, as_of, Path(unfinished))
            for old in kept.glob("[!.]*"):
                shutil.rmtree(old, ignore_errors=True)
            target.mkdir(exist_ok=True)
            (Path(unfinished) / "manifest.json").replace(target / "manifest.json")
    manifest: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return manifest


def _compile_for_refresh(settings: Settings, database: Database, as_of: date, target: Path) -> None:
    chosen = {**variables(as_of), "refresh": True}
    own = {"DBT_TARGET_PATH": str(target), LOCK_VARIABLE: str(target / "lock")}
    done = subprocess.run(
        # Checks of quality are of everybody, and each asks the database for its thresholds to be compiled.
        command(["compile", "--quiet", "--exclude", "tag:quality", "--vars", json.dumps(chosen)]),
        env={**os.environ, **environment(settings, database), **own},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise DbtBuildError(failure((), done.returncode, done.stdout))


def failure(failed: Sequence[str], status: int | None, told: bytes = b"") -> str:
    """What to say of a failed build: nodes and what to do, no text of dbt's or the database's.

    Args:
        failed: nodes that failed.
        status: the process's exit status, negative the signal that ended it, None if it is not known.
        told: what dbt printed, of which only the kind of error counts.
    """
    if failed:
        return _failed_nodes(failed)
    if status is not None and status < 0:
        return (
            f"dbt was ended by {signal.Signals(-status).name} and told of no node: after SIGKILL look whether memory "
            "ran short, and build again."
        )
    if _DATABASE_ERROR.search(told):
        return "dbt build failed before any node ran: the database refused or did not answer. Try 'sanctum status'."
    return "dbt build failed before any node ran: run dbt parse in dbt_project to see why."


def _failed_nodes(failed: Sequence[str]) -> str:
    return (
        f"dbt build failed: {', '.join(failed)}. The SQL of each lies in dbt/target/run of the home, of a test in "
        "dbt/target/compiled: run it as sanctum_transform to see what is wrong."
    )


def forget_messages(results: Path) -> None:
    """Take out of ``run_results.json`` the texts of errors, which echo row values."""
    if results.exists():
        content = json.loads(results.read_text())
        for node in content["results"]:
            if node["status"] == "error":
                node["message"] = None
        results.write_text(json.dumps(content))


def _read_results(path: Path) -> BuildResult:
    counts: dict[str, int] = {}
    failed, warned = [], []
    if path.exists():
        for node in json.loads(path.read_text())["results"]:
            status = str(node["status"])
            # Hooks of the whole run are told of by whoever fails in one.
            if node["unique_id"].startswith("operation.") and status == "success":
                continue
            counts[status] = counts.get(status, 0) + 1
            name = str(node["unique_id"]).split(".", 2)[-1]
            if status in ("error", "fail"):
                failed.append(name)
            elif status == "warn":
                warned.append(name)
    return BuildResult(counts, tuple(failed), tuple(warned))
