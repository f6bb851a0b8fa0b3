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
from psycopg import sql

from benchmarks.table import Table
from resources.identity.session import Session, open_service_session
from resources.postgres import Database, Role
from resources.settings import Settings

WRITERS = 8
PERSONS = 200
SENTENCES_EACH = 100
SECONDS = 4.0
_FIRST_PERSON = 1_000_000
_FILL = (
    "INSERT INTO retrieval.document_chunk (chunk_id, note_id, person_id, sentence_number, start_character, "
    "end_character, note_date, note_sha256, chunk_text, text_sha256, chunking_version, sensitivity) "
    "SELECT p * 1000 + s, p, p, s, 0, 10, DATE '2026-01-01', '', 'Sentence.', '', 'benchmark', '{}' "
    "FROM generate_series(%s::bigint, %s::bigint) AS p CROSS JOIN generate_series(1, %s) AS s"
)
_CHUNKS = sql.Identifier("retrieval", "document_chunk")
_COPY = sql.Identifier("retrieval", "unguarded")
_Reader = Callable[[Session, int], None]
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid() "
    "AND datname = current_database()"
)


def _read(connection: psycopg.Connection[Any], table: sql.Identifier, person: int) -> list[int]:
    query = sql.SQL("SELECT chunk_id, chunk_text FROM {} WHERE person_id = %s").format(table)
    return [row[0] for row in connection.execute(query, (person,)).fetchall()]


def unaudited(session: Session, person: int) -> None:
    """Read one person's sentences from a copy that no policy guards."""
    _read(session.connection, _COPY, person)
    session.connection.commit()


def audited(session: Session, person: int) -> None:
    """Claim one person, read its sentences and record the read: what a reader of documents does."""
    session.claim([person])
    session.enter(person)
    chunks = _read(session.connection, _CHUNKS, person)
    session.record(
        action="read",
        object_kind="retrieval.document_chunk",
        person_id=person,
        object_ids=chunks,
        row_count=len(chunks),
    )
    session.connection.commit()


def audited_in_one_chain(session: Session, person: int) -> None:
    """The same with all writers in one line, as they would be if there were one chain."""
    session.connection.execute("SELECT pg_advisory_lock(7203115)")
    audited(session, person)
    session.connection.execute("SELECT pg_advisory_unlock(7203115)")
    session.connection.commit()


@dataclass(frozen=True)
class _Measured:
    """Reads per second of all writers together, and in how many looks at the server some writer waited for another."""

    per_second: float
    looks: int
    looks_with_waiting: int

    def __str__(self) -> str:
        return f"a writer waited for another in {self.looks_with_waiting} of {self.looks} looks"


def run(settings: Settings, database: Database) -> Table:
    """Reads per second; each read's claim is committed to the disk before it, its event with it."""
    _fill(settings, database)
    table = Table(f"Reads of a person's {SENTENCES_EACH} sentences", "reads/s")

    def add(what: str, read: _Reader, writers: int, *, tell_waiting: bool = False) -> None:
        found = _measure(settings, database, read, writers)
        table.add(f"{what} ({found})" if tell_waiting else what, found.per_second)

    add("bound: unaudited, no row security, 1 reader", unaudited, 1)
    add("audited, 1 writer: claim, commit, enter, read, event, commit", audited, 1)
    add(f"unaudited, {WRITERS} readers", unaudited, WRITERS)
    add(f"audited, {WRITERS} writers", audited, WRITERS, tell_waiting=True)
    add(f"audited as in one chain, {WRITERS} writers", audited_in_one_chain, WRITERS, tell_waiting=True)
    return table


def _fill(settings: Settings, database: Database) -> None:
    with open_service_session(settings, database, "embedder") as session:
        session.enter()
        session.connection.execute(_FILL, (_FIRST_PERSON, _FIRST_PERSON + PERSONS - 1, SENTENCES_EACH))
        session.connection.commit()
    with database.connect(Role.OWNER, autocommit=True) as connection:
        connection.execute("ANALYZE retrieval.document_chunk")
        connection.execute("CREATE TABLE retrieval.unguarded AS SELECT * FROM retrieval.document_chunk")
        connection.execute("CREATE INDEX ON retrieval.unguarded (person_id)")
        connection.execute("ANALYZE retrieval.unguarded")
        connection.execute("GRANT SELECT ON retrieval.unguarded TO sanctum_reviewer")


def _measure(settings: Settings, database: Database, read: _Reader, writers: int) -> _Measured:
    context = multiprocessing.get_context("spawn")
    start, done = context.Barrier(writers + 1), context.SimpleQueue()
    processes = [
        context.Process(target=_write, args=(settings, database, read, number, start, done))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    looks = waiting = 0
    # A role sees what its own sessions wait for.
    with database.connect(Role.REVIEWER, autocommit=True) as connection:
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
    settings: Settings, database: Database, read: _Reader, number: int, start: Barrier, done: "SimpleQueue[float]"
) -> None:
    """Read for ``SECONDS``, beginning with all the others, and tell how many reads a second were made."""
    with open_service_session(settings, database, "evaluator") as session:
        for person in range(20):
            read(session, _FIRST_PERSON + person)
        start.wait()
        reads, began = 0, time.perf_counter()
        while (now := time.perf_counter()) < began + SECONDS:
            read(session, _FIRST_PERSON + (number * 25 + reads) % PERSONS)
            reads += 1
    done.put(reads / (now - began))
