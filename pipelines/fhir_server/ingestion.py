"""From a server to bronze: ask, land, load, and only then remember how far it was read."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from pipelines.account import Account
from pipelines.fhir import land_fhir, load_fhir
from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Server
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.gathering import Gathered, Gathering
from pipelines.fhir_server.journal import DatabaseJournal
from resources import locks
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings


@dataclass
class ServerReport:
    """What a run did.

    Attributes:
        received: resources by type, ``deleted`` for bundles of deletions.
        advanced: types whose watermark moved, and where to.
        held: types whose watermark stays, and why.
        findings: what the server did that it should not, counted.
    """

    server: str
    account: Account = field(default_factory=Account)
    files: int = 0
    received: dict[str, int] = field(default_factory=dict)
    advanced: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "server": self.server,
            "files": self.files,
            "received": dict(sorted(self.received.items())),
            **self.account.as_dict(),
            "advanced": self.advanced,
            "held": self.held,
            "findings": self.findings,
        }


def ingest_server(
    settings: Settings, database: Database, server: Server, progress: Progress | None = None, *, restart: bool = False
) -> ServerReport:
    """Ask a server for what changed, land it and load it.

    Watermarks move when the load has been committed. An export that an earlier run left is taken up again.

    Args:
        restart: give up the export that an earlier run left, and ask for a new one.

    Raises:
        FhirServerError: the server refuses, can't be reached or gives what can't be used, or another run is under way;
            what was loaded before stays, and the next run goes on.
        pipelines.landing.LandingError, pipelines.bronze.BronzeLoadError: as ``pipelines.fhir.ingest_fhir``.
    """
    report, findings = ServerReport(server.name), Findings()
    journal = DatabaseJournal(database, server.name)
    own = settings.model_copy(update={"source_system": server.name})
    root = settings.fhir_server_directory / server.name
    with _only_run(database, server), Client(server) as client:
        gathering = Gathering(client, journal, root, findings, progress, lambda: _files_in_use(database))
        if restart:
            gathering.abandon()
        # Closed at once where a load fails, so that nobody waits for files that are no longer in use.
        with contextlib.closing(gathering.run()) as run:
            for gathered in run:
                _load(own, database, journal, gathered, report, progress)
                gathering.mark_loaded(gathered)
                report.advanced |= {
                    kind: mark.until.isoformat() for kind, _key, mark in gathered.marks if kind not in findings.held
                }
    report.held, report.findings = findings.held, findings.counts
    shutil.rmtree(root, ignore_errors=True)
    return report


def _load(
    settings: Settings,
    database: Database,
    journal: DatabaseJournal,
    gathered: Gathered,
    report: ServerReport,
    progress: Progress | None,
) -> None:
    for kind, lines in gathered.lines.items():
        report.received[kind] = report.received.get(kind, 0) + lines
    if not gathered.paths:
        return
    journal.claim(gathered.paths, gathered.as_of or datetime.now(UTC))
    landed = land_fhir(settings, database, gathered.paths, progress)
    report.files += len(landed.files)
    # Also bytes that were loaded before: what a resource was once it may be again.
    report.account += load_fhir(settings, database, progress, landed.files)


@contextlib.contextmanager
def _only_run(database: Database, server: Server) -> Iterator[None]:
    """Let one run at a time ask a server.

    Raises:
        FhirServerError: another one does.
    """
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        if not _try_lock(connection, server.name):
            raise FhirServerError(f"FHIR server {server.name}: another run is under way.")
        yield


def _try_lock(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, %s))", (name, locks.FHIR_SERVER)
    ).fetchone()
    return row is not None and bool(row[0])


@contextlib.contextmanager
def _files_in_use(database: Database) -> Iterator[None]:
    """Keep an erasure waiting while files of a server lie in the home, on their way to landing."""
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        locks.share(connection, locks.FHIR_FILES)
        yield
