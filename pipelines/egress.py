"""The proof that nothing gets out: the whole chain, isolated and traced, on input with planted texts, then a search."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg

from pipelines.egress_report import (
    CLEAN,
    HOLDING_COLUMNS,
    HOLDING_SCHEMAS,
    LEAK,
    SEARCH,
    STAGING,
    VOID,
    Place,
    Scope,
    make_report,
)
from resources.egress.files import FilesSwept, Finding, file_kinds, sweep_files
from resources.egress.isolation import Isolated, require_tools, run_isolated
from resources.egress.needles import Needles, new_mark, new_number, new_word
from resources.egress.report import write_report
from resources.egress.steps import Step
from resources.egress.tables import TablesSwept, sweep_tables
from resources.postgres import administrator_dsn, start_embedded, stop_embedded
from resources.progress import Progress
from resources.settings import Settings
from resources.telemetry import SWITCHES

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Proof:
    """What came of it; ``report`` is what the written report holds."""

    verdict: str
    report: Mapping[str, Any]
    written: Sequence[Path]
    kept: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """For people and for JSON."""
        return {
            "verdict": self.verdict,
            **{name: self.report[name] for name in ("reasons", "seconds", "network", "searched", "planted_found_in")},
            "names_looked_up": self.report["names_looked_up"],
            "attempts": self.report["attempts"],
            "commands": self.report["commands"],
            "reports": [str(path) for path in self.written],
            "kept": str(self.kept) if self.kept else None,
        }


def prove_egress(caller: Settings, scope: Scope, patients: int, progress: Progress, *, keep: bool = False) -> Proof:
    """Run the commands of ``scope`` isolated, in a home of its own, then search it; write the report.

    Args:
        caller: its home gets the report, under ``egress``; nothing else of it is read or written. Elsewhere, in the
            temporary folders, in shared memory and in the project, every name is looked at, and every file that has
            changed since the start is opened, whoever wrote it.
        scope: how much is run.
        patients: people of the synthetic population, for the scopes that take one.
        progress: called with the stage.
        keep: leave the proof's folder, for looking closer; it holds synthetic people only.

    Raises:
        resources.egress.isolation.IsolationError: this machine can't isolate or trace.
        resources.postgres.DatabaseUnavailableError: the database can't be started for the search.
    """
    require_tools()
    started = datetime.now(UTC)
    folder = Path(tempfile.mkdtemp(prefix="egress-"))
    place = _prepare(folder, patients if scope is not Scope.INGEST else 0)
    try:
        progress("running isolated and traced", 0, None)
        probe_name = f"{new_mark()}.invalid"
        isolated = run_isolated(place.evidence, probe_name, _steps(place, scope), _environment(place))
        progress("searching tables", 0, None)
        tables = _sweep_tables(place)
        progress("searching files", 0, None)
        files = _sweep_files(place, isolated, caller.home)
        report = make_report(place, scope, isolated, files, tables, started)
        written = write_report(caller.home / "egress", f"egress-{started:%Y-%m-%dT%H%M%SZ}", report)
        return Proof(report["verdict"], report, written, folder if keep else None)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path, patients: int) -> Place:
    from pipelines.demo.canaries import AS_OF, KINDS, PHONE, Planted

    mark = new_mark()
    planted = Planted({**{kind: new_word(mark) for kind in KINDS}, PHONE: new_number()})
    for name in ("evidence", "tmp", "user"):
        (folder / name).mkdir()
    home = folder / "home"
    place = Place(
        folder,
        planted,
        Needles(mark, {text: kind for kind, text in planted.texts.items()}),
        # As the commands have them: defaults, and none of the caller's variables.
        Settings.model_construct(home=home, as_of=AS_OF),
    )
    description = {
        "folder": str(folder / "input"),
        "population": str(home / "demo"),
        "patients": patients,
        "planted": dict(planted.texts),
    }
    (place.evidence / "input.json").write_bytes(orjson.dumps(description))
    return place


def _environment(place: Place) -> dict[str, str]:
    """The caller's variables without what would help: switches are for the commands to set, and a proxy would hide
    the attempt behind loopback."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SANCTUM_") and name not in SWITCHES and not name.lower().endswith("_proxy")
    }
    return kept | {
        "SANCTUM_HOME": str(place.settings.home),
        "SANCTUM_AS_OF": str(place.settings.as_of),
        "TMPDIR": str(place.folder / "tmp"),
        "HOME": str(place.folder / "user"),
    }


def _steps(place: Place, scope: Scope) -> list[Step]:
    from pipelines.demo.canaries import PATIENT_ID
    from pipelines.keys import resource_key

    whole, wrong = str(place.folder / "input" / "whole"), place.folder / "input" / "wrong"
    person = str(resource_key(place.settings.source_system, "Patient", PATIENT_ID))
    planting = [sys.executable, "-m", "pipelines.demo.canaries", str(place.evidence / "input.json")]
    ingest = [_sanctum("ingest", "fhir", whole), _sanctum("ingest", "hl7", whole)]
    wrong_ones = [
        _sanctum("ingest", "fhir", str(wrong / f"{place.planted['argument']}.ndjson"), status=1),
        _sanctum("ingest", "hl7", str(wrong), status=1),
    ]
    look = [
        _sanctum("search", "--person", person, f"{place.planted['search text']} colonoscopy"),
        _sanctum("audit", "who", person),
        _sanctum("audit", "verify"),
        _sanctum("status"),
    ]
    steps = [Step("plant the input", planting), _sanctum("up")]
    if scope is Scope.ALL:
        steps += [_sanctum("demo", "--input", whole), *wrong_ones, _sanctum("quarantine", "replay"), *look]
    else:
        steps += [*ingest, *wrong_ones, _sanctum("quarantine", "replay")]
    if scope is Scope.BUILD:
        steps += [_sanctum("build")]
    return [*steps, _sanctum("down")]


def _sanctum(*arguments: str, status: int = 0) -> Step:
    """A command of Sanctum's, named by its words alone."""
    words = [word for word in arguments[:2] if word.isalnum() and word.islower()]
    return Step(" ".join(["sanctum", *words]), [sys.executable, "-m", "assets.cli", *arguments, "--json"], status)


def _sweep_tables(place: Place) -> TablesSwept:
    """Search with the proof's own server up again."""
    try:
        with psycopg.connect(administrator_dsn(start_embedded(place.settings)), autocommit=True) as connection:
            return sweep_tables(connection, place.needles, HOLDING_SCHEMAS, HOLDING_COLUMNS, STAGING)
    finally:
        stop_embedded(place.settings)


def _sweep_files(place: Place, isolated: Isolated, callers_home: Path) -> FilesSwept:
    home, evidence, postgres = place.settings.home, place.evidence, place.settings.home / "postgres"
    answers = [evidence / f"{step.number:02}.stdout" for step in isolated.steps if step.name == SEARCH]
    plans = [evidence / "plan.json", evidence / "input.json"]
    weights = place.settings.models_directory.glob("*/*.safetensors")
    left_out = [home / "landing", postgres, place.folder / "input", *plans, *answers, *weights]
    swept = [sweep_files(place.needles, place.folder, left_out)]
    swept += [_sweep_one(place.needles, path) for path in (postgres / "log", *postgres.glob("*.conf"))]
    elsewhere = {Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), PROJECT}
    for root in sorted(elsewhere):
        own = [place.folder, PROJECT / ".git", PROJECT / ".venv", callers_home.absolute(), callers_home.resolve()]
        found = sweep_files(place.needles, root, own, newer_than=place.started)
        swept.append(
            FilesSwept(found.files, found.bytes, [Finding(f"{root}/{f.where}", f.kinds) for f in found.findings])
        )
    return FilesSwept(
        sum(one.files for one in swept),
        sum(one.bytes for one in swept),
        [finding for one in swept for finding in one.findings],
    )


def _sweep_one(needles: Needles, path: Path) -> FilesSwept:
    kinds = file_kinds(needles, path)
    return FilesSwept(1, path.stat().st_size, [Finding(f"home/postgres/{path.name}", sorted(kinds))] if kinds else [])


__all__ = ["CLEAN", "LEAK", "VOID", "Proof", "Scope", "prove_egress"]
