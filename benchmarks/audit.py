"""Audited reads per second with one and with eight writers, against the same reads without claim and audit event.

Each writer is a process with a connection of its own: threads would share one interpreter's lock, and then it, not the
database, would be measured.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg

from benchmarks.table import Table
from inference.retrieval import claim_person
from resources import audit
from resources.postgres import Database, Role
from resources.settings import Settings

WRITERS = 8
PERSONS = 200
SENTENCES_EACH = 100
SECONDS = 4.0
_FIRST_PERSON = 1_000_000
_FILL = (
    "INSERT INTO retrieval.document_chunk (chunk_id, note_id, person_id, sentence_number, start_character, "
    "end_character, note_date, note_sha256, chunk_text, text_sha256, chunking_version) "
    "SELECT p * 1000 + s, p, p, s, 0, 10, DATE '2026-01-01', '', 'Sentence.', '', 'benchmark' "
    "FROM generate_series(%s::bigint, %s::bigint) AS p CROSS JOIN generate_series(1, %s) AS s"
)
_READ = "SELECT chunk_id, chunk_text FROM retrieval.document_chunk WHERE person_id = %s"
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid() "
    "AND datname = current_database()"
)


def _read(connection: psycopg.Connection[Any], person: int) -> list[int]:
    return [row[0] for row in connection.execute(_READ, (person,)).fetchall()]


def unaudited(connection: psycopg.Connection[Any], person: int) -> None:
    """Read one person's sentences."""
    _read(connection, person)


def audited(connection: psycopg.Connection[Any], person: int) -> None:
    """Claim one person, read its sentences and record the read: what a reader of documents does."""
    claim_person(connection, person, subject="benchmark", purpose="benchmark")
    chunks = _read(connection, person)
    audit.record(
        connection,
        subject="benchmark",
        purpose="benchmark",
        action="read",
        object_kind="retrieval.document_chunk",
        person_id=person,
        object_ids=chunks,
        row_count=len(chunks),
    )


def audited_in_one_chain(connection: psycopg.Connection[Any], person: int) -> None:
    """The same with all writers in one line, as they would be if there were one chain."""
    connection.execute("SELECT pg_advisory_xact_lock(7203115)")
    audited(connection, person)


@dataclass(frozen=True)
class _Measured:
    """Reads per second of all writers together, and in how many looks at the server some writer waited for another."""

    per_second: float
    looks: int
    looks_with_waiting: int

    def __str__(self) -> str:
        return f"a writer waited for another in {self.looks_with_waiting} of {self.looks} looks"


def run(_settings: Settings, database: Database) -> Table:
    """Reads per second; each read is a transaction, committed to the disk where it wrote an event."""
    with database.connect(Role.EMBED) as connection:
        connection.execute(_FILL, (_FIRST_PERSON, _FIRST_PERSON + PERSONS - 1, SENTENCES_EACH))
    with database.connect(Role.EMBED, autocommit=True) as connection:
        connection.execute("ANALYZE retrieval.document_chunk")
    table = Table(f"Reads of a person's {SENTENCES_EACH} sentences, one transaction each", "reads/s")
    # The embedder's policy lets it read every chunk, with no claim.
    table.add("bound: unaudited, 1 reader", _measure(database, Role.EMBED, unaudited, 1).per_second)
    table.add(
        "audited, 1 writer: claim, read, two events, commit", _measure(database, Role.INFER, audited, 1).per_second
    )
    table.add(f"unaudited, {WRITERS} readers", _measure(database, Role.EMBED, unaudited, WRITERS).per_second)
    for what, read in (("audited", audited), ("audited as in one chain", audited_in_one_chain)):
        found = _measure(database, Role.INFER, read, WRITERS)
        table.add(f"{what}, {WRITERS} writers ({found})", found.per_second)
    return table


def _measure(
    database: Database, role: Role, read: Callable[[psycopg.Connection[Any], int], None], writers: int
) -> _Measured:
    context = multiprocessing.get_context("spawn")
    start, done = context.Barrier(writers + 1), context.SimpleQueue()
    processes = [
        context.Process(target=_write, args=(database, role, read, number, start, done)) for number in range(writers)
    ]
    for process in processes:
        process.start()
    looks = waiting = 0
    # A role sees what its own sessions wait for.
    with database.connect(role, autocommit=True) as connection:
        start.wait()
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            found = connection.execute(_WAITING).fetchone()
            looks += 1
            waiting += bool(found and found[0])
            time.sleep(0.02)
    rates = [done.get() for _ in processes]
    for process in processes:
        process.join()
    return _Measured(sum(rates), looks, waiting)


def _write(
    database: Database,
    role: Role,
    read: Callable[[psycopg.Connection[Any], int], None],
    number: int,
    start: Barrier,
    done: "SimpleQueue[float]",
) -> None:
    """Read for ``SECONDS``, beginning with all the others, and tell how many reads a second were made."""
    with database.connect(role) as connection:
        for person in range(20):
            read(connection, _FIRST_PERSON + person)
            connection.commit()
        start.wait()
        reads, began = 0, time.perf_counter()
        while (now := time.perf_counter()) < began + SECONDS:
            read(connection, _FIRST_PERSON + (number * 25 + reads) % PERSONS)
            connection.commit()
            reads += 1
    done.put(reads / (now - began))
