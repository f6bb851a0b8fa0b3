"""Landed FHIR files to bronze: workers map, one transaction merges, the account closes.

Many files are loaded in several loads one after the other, each of whole files, so that memory does not grow with them.
"""

import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from pipelines import bronze, quarantine, tombstones
from pipelines.account import Account
from pipelines.fhir.ledger import Ledger
from pipelines.fhir.profiles import MAPPING_VERSION
from pipelines.fhir.reading import SUFFIXES, chunks, kind_of
from pipelines.fhir.redaction import search
from pipelines.fhir.statements import statement
from pipelines.fhir.worker import Outcome, Task, start, work
from pipelines.landing import InputError, LandedFile, LandingReport, is_whole, landed_path
from pipelines.object_store import Source, land_sources
from pipelines.redaction import forget, forget_everywhere, redact_due
from resources import audit
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings, Validation

_LINES_PER_TASK = 1000
# A load remembers each resource it has read, and stages all of them before it merges.
_BYTES_PER_LOAD = 128 << 20
_CLASSES: Mapping[Validation, Sequence[str]] = {"structural": (), "full": ("pipelines.fhir.full_validation",)}
_KINDS = ("fhir-ndjson", "fhir-json")


class AccountError(RuntimeError):
    """Records read are not all accounted for; the load was undone."""


def land_fhir(
    settings: Settings,
    database: Database,
    sources: Iterable[Source],
    progress: Progress | None = None,
    *,
    may_be_empty: bool = False,
) -> LandingReport:
    """Store NDJSON files, bundles and single resources (gzip or not) byte for byte.

    Args:
        sources: paths, and URLs of object stores.

    Raises:
        as ``pipelines.object_store.land_sources``.
    """
    return land_sources(settings, database, sources, SUFFIXES, kind_of, progress, may_be_empty=may_be_empty)


def ingest_fhir(
    settings: Settings, database: Database, sources: Iterable[Source], progress: Progress | None = None
) -> Account:
    """Land files and load them; files that were loaded before count as read and excluded, ``already_loaded``.

    Raises:
        as ``land_fhir``, and
        AccountError: the account does not close.
        pipelines.bronze.BronzeLoadError: bronze could not be loaded and is as it was.
    """
    report = land_fhir(settings, database, sources, progress)
    wanted = {file.file_id for file in report.files}
    known = _accounts_of_loaded(settings, database, wanted)
    account = load_fhir(settings, database, progress, [f for f in report.files if f.file_id not in known])
    for file in report.files:
        if file.file_id in known:
            former = known[file.file_id]
            account += Account(read=former.read)
            account.excluded["already_loaded"] += former.read.total()
    return account


def load_fhir(
    settings: Settings,
    database: Database,
    progress: Progress | None = None,
    files: Sequence[LandedFile] | None = None,
) -> Account:
    """Load landed files into bronze: those given, else all that were not loaded under this mapping.

    A file that was loaded for another source system, or came from its server, is that system's and left alone, unless
    it is given. What fails undoes the load it is in; files of loads before it are loaded.

    Raises:
        AccountError: the account does not close.
        pipelines.bronze.BronzeLoadError: bronze could not be loaded and is as it was.
        pipelines.landing.InputError: a landed file's bytes are gone.
    """
    waiting = deque(_distinct(_unloaded(settings, database) if files is None else files))
    account = Account()
    if not waiting:
        # A load that was killed after it committed has left its redaction to the next.
        redact_due(settings, database, _KINDS, search)
        return account
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as reader, _workers(settings) as workers:
        tables = bronze.bronze_tables(reader)
        while waiting:
            ledger = Ledger(reader)
            taken: list[LandedFile] = []
            tasks = _tasks(settings, reader, waiting, taken, ledger)
            found = _in_order(workers, settings.workers, (partial(work, task, tables) for task in tasks))
            batches = _batches(found, ledger, account.read.total(), progress)
            bronze.load(settings, database, batches, partial(_write_accounts, settings, ledger, taken))
            redact_due(settings, database, _KINDS, search)
            account += ledger.total()
    return account


def replay_fhir(
    settings: Settings, database: Database, progress: Progress | None = None, reason: str | None = None
) -> Account:
    """Read files again that have records in quarantine; what has become usable is loaded and released.

    Each file is read for the source system that it was loaded for. What was loaded before is unchanged and accounted as
    such.

    Args:
        reason: only files with a record that is there for this reason; of such a file everything is read.

    Raises:
        as ``load_fhir``.
    """
    with without_row_values(), database.connect(Role.INGEST) as connection:
        rows = connection.execute(statement("files_in_quarantine"), {"reason": reason}).fetchall()
    account = Account()
    for source_system, found in itertools.groupby(rows, key=itemgetter(0)):
        files = [LandedFile(file_id, sha256, kind, gzipped, False) for _, file_id, sha256, kind, gzipped in found]
        own = settings.model_copy(update={"source_system": source_system})
        account += load_fhir(own, database, progress, files)
    return account


def _distinct(files: Iterable[LandedFile]) -> list[LandedFile]:
    return list({file.file_id: file for file in files}.values())


def _batches(
    outcomes: Iterator[Outcome], ledger: Ledger, read_before: int, progress: Progress | None
) -> Iterator[bronze.Batch]:
    for outcome in outcomes:
        batch = ledger.settle(outcome)
        if progress:
            progress("loading resources", read_before + ledger.resources_read, None)
        if batch:
            yield batch


def _workers(settings: Settings) -> AbstractContextManager[Executor]:
    context = multiprocessing.get_context("forkserver")
    # Workers are forked from a process that has read the modules they need, instead of each reading them.
    context.set_forkserver_preload([work.__module__, *_CLASSES[settings.validation]])
    return ProcessPoolExecutor(settings.workers, mp_context=context, initializer=start)


def _in_order(executor: Executor, workers: int, calls: Iterator[Callable[[], Outcome]]) -> Iterator[Outcome]:
    """What calls give, in their order, with a bounded number of them under way."""
    waiting: deque[Future[Outcome]] = deque()
    for call in calls:
        waiting.append(executor.submit(call))
        if len(waiting) > 2 * workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _tasks(
    settings: Settings,
    reader: psycopg.Connection[Any],
    waiting: deque[LandedFile],
    taken: list[LandedFile],
    ledger: Ledger,
) -> Iterator[Task]:
    """Tasks of waiting files, which become taken ones, until the load is large enough."""
    size = 0
    while waiting and size < _BYTES_PER_LOAD:
        file, as_of, received_at = _as_it_is_now(reader, waiting.popleft(), settings.source_system)
        taken.append(file)
        path = landed_path(settings, file.sha256)
        ledger.open_file(file)
        if not path.exists():
            raise InputError(f"the bytes of landed file {file.sha256[:12]} are gone: land the file again.")
        if not is_whole(path):
            ledger.refuse_file(file, "truncated_file")
            continue
        for lines in chunks(path, file.kind, _LINES_PER_TASK):
            size += sum(len(line) for _, line in lines)
            yield Task(
                file.file_id,
                file.sha256,
                lines,
                settings.source_system,
                settings.mapping_profile,
                settings.validation,
                as_of,
                received_at,
            )


def _as_it_is_now(
    reader: psycopg.Connection[Any], file: LandedFile, source_system: str
) -> tuple[LandedFile, datetime, datetime]:
    """The file under the hash it has while the load holds its lock, when its content was so and when it was received.

    An erasure may have changed the hash before.
    """
    row = reader.execute(
        statement("file_as_it_is"), {"file_id": file.file_id, "source_system": source_system}
    ).fetchone()
    if row is None:
        raise InputError(f"landed file {file.sha256[:12]} is not registered: land the file again.")
    return replace(file, sha256=row[0]), row[1], row[2]


def _write_accounts(
    settings: Settings, ledger: Ledger, files: Sequence[LandedFile], connection: psycopg.Connection[Any]
) -> None:
    if ledger.new_people:
        # Their records may lie in any file, also in those that were loaded before anybody knew who they are.
        tombstones.add(connection, ledger.new_people)
        bronze.withdraw(connection, ledger.new_people, ledger.withdraw_new_people())
        forget_everywhere(connection, _KINDS)
    for file in files:
        account = ledger.account(file.file_id)
        if not account.closes:
            raise AccountError(f"the account of landed file {file.sha256[:12]} does not close; nothing was loaded.")
        told = {"file_id": file.file_id, "account": Jsonb(account.as_dict())}
        connection.execute(statement("record_load"), told | _mapping(settings))
    ledger.confirm(connection)
    forget(connection, ledger.files_to_redact)
    quarantine.keep(connection, ledger.quarantined)
    quarantine.release(connection, [file.file_id for file in files], ledger.quarantined)
    total = ledger.total()
    audit.record(
        connection,
        subject="service:ingest",
        purpose="load",
        action="load",
        object_kind="landing.file",
        object_ids=[file.file_id for file in files],
        row_count=total.loaded.total(),
        details={"read": total.read.total(), "quarantined": total.quarantined.total()},
    )


def _mapping(settings: Settings) -> dict[str, Any]:
    """How a load reads its files: it reads a file once each way."""
    return {
        "source_system": settings.source_system,
        "mapping_profile": settings.mapping_profile,
        "mapping_version": MAPPING_VERSION,
        "validation": settings.validation,
    }


def _unloaded(settings: Settings, database: Database) -> list[LandedFile]:
    with without_row_values(), database.connect(Role.INGEST) as connection:
        rows = connection.execute(statement("unloaded_files"), _mapping(settings)).fetchall()
    return [LandedFile(file_id, sha256, kind, gzipped, False) for file_id, sha256, kind, gzipped in rows]


def _accounts_of_loaded(settings: Settings, database: Database, file_ids: set[int]) -> dict[int, Account]:
    with without_row_values(), database.connect(Role.INGEST) as connection:
        wanted = {"file_ids": list(file_ids), **_mapping(settings)}
        rows = connection.execute(statement("accounts_of_files"), wanted).fetchall()
    return {file_id: Account.from_dict(account) for file_id, account in rows}
