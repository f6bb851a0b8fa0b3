"""A group of messages to landing in one round trip, beside which the event loop goes on without a thread.

What is out of the ordinary is left to ``pipelines.hl7.mllp.writer``, which does the same step by step.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import pq, sql

from pipelines.hl7.header import KEYS, TEXTS, TIMES
from pipelines.hl7.mllp import arrays
from pipelines.hl7.mllp.arrival import Arrival, Fate
from pipelines.hl7.statements import statement
from resources import locks

_PLACEHOLDER = re.compile(r"%\((\w+)\)[sb]")
_NAMED = statement("receive_messages").decode().format(insert=statement("insert_messages").decode())
_NAMES = list(dict.fromkeys(_PLACEHOLDER.findall(_NAMED)))
_NUMBERED = _PLACEHOLDER.sub(lambda match: f"${_NAMES.index(match[1]) + 1}", _NAMED)
_PREPARE = (
    sql.SQL("PREPARE share_landing AS SELECT pg_advisory_xact_lock_shared($1)"),
    sql.SQL("PREPARE receive_messages AS {receive}").format(receive=sql.SQL(_NUMBERED)),
)
_LANDING = [str(locks.LANDING).encode()]
_AS_TEXT = ("file_id", "received")
_FORMATS = [pq.Format.TEXT if name in _AS_TEXT else pq.Format.BINARY for name in _NAMES]
_STORED = [pq.ExecStatus.TUPLES_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.PIPELINE_SYNC]


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make the statements of an exchange ready, once a connection; raises psycopg.Error."""
    for one in _PREPARE:
        connection.execute(one)
    connection.commit()


async def exchange(connection: psycopg.Connection[Any], arrivals: Sequence[Arrival]) -> list[Fate] | None:
    """Store messages and the event of them in one transaction; what became of each, in order.

    Both statements and the end of their transaction go out at once (libpq's pipeline, whose synchronisation commits).

    Args:
        connection: idle and prepared; nobody else uses it meanwhile. It is closed where it fails.
        arrivals: at least one, all of them landed.

    Returns:
        None if they are not known to be stored: an erased person is named, or the database refuses or is gone. The same
        group may be given to the writer, which finds stored what was, and says what is wrong.
    """
    pgconn = connection.pgconn
    try:
        parameters = _parameters(arrivals, connection.info.encoding)
        pgconn.enter_pipeline_mode()
        pgconn.send_query_prepared(b"share_landing", _LANDING)
        pgconn.send_query_prepared(b"receive_messages", parameters, _FORMATS)
        pgconn.pipeline_sync()
        results = await _results(pgconn)
        pgconn.exit_pipeline_mode()
    except UnicodeEncodeError:
        # The database's encoding lacks a character: the writer finds out whose. Nothing was sent.
        return None
    except psycopg.Error:
        connection.close()
        return None
    if [result.status for result in results] != _STORED or results[1].get_value(0, 1) != b"f":
        return None
    if pgconn.transaction_status != pq.TransactionStatus.IDLE:
        # Somebody had begun a transaction, so that nothing is committed yet.
        return None
    stored = int(results[1].get_value(0, 0) or 0)
    return [Fate.STORED] * stored + [Fate.KNOWN] * (len(arrivals) - stored)


def _parameters(arrivals: Sequence[Arrival], encoding: str) -> list[bytes | None]:
    rows = [arrival.header.columns for arrival in arrivals]
    named = [arrival.header.whose for arrival in arrivals if arrival.header.whose is not None]
    found: dict[str, bytes | None] = {
        "file_id": None,
        "byte_offset": arrays.integers([None] * len(rows)),
        "body_sha256": arrays.octets([row["body_sha256"] for row in rows]),
        "body": arrays.octets([row["body"] for row in rows]),
        "people": arrays.integers(list({key for whose in named for key in whose.keys})),
        "identifiers": arrays.octets(list({one.identifier for whose in named for one in whose.identities})),
        "received": str(len(rows)).encode(),
    }
    for name in TEXTS:
        found[name] = arrays.texts([row[name] for row in rows], encoding)
    for name in KEYS:
        found[name] = arrays.integers([row[name] for row in rows])
    for name in TIMES:
        found[name] = arrays.instants([row[name] for row in rows])
    return [found[name] for name in _NAMES]


async def _results(pgconn: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """All results up to the pipeline's synchronisation; raises psycopg.Error where the connection ends before."""
    loop = asyncio.get_running_loop()
    complete: asyncio.Future[None] = loop.create_future()
    found: list[pq.abc.PGresult] = []
    socket = pgconn.socket

    def proceed() -> None:
        try:
            pgconn.consume_input()
            while not complete.done() and not pgconn.is_busy():
                # The results of one statement end with None.
                if (result := pgconn.get_result()) is not None:
                    found.append(result)
                    if result.status == pq.ExecStatus.PIPELINE_SYNC:
                        complete.set_result(None)
        except psycopg.Error as error:
            fail(error)

    def send() -> None:
        try:
            if pgconn.flush() == 0:
                loop.remove_writer(socket)
        except psycopg.Error as error:
            fail(error)

    def fail(error: psycopg.Error) -> None:
        if not complete.done():
            complete.set_exception(error)

    loop.add_reader(socket, proceed)
    try:
        if pgconn.flush():
            loop.add_writer(socket, send)
        await complete
    finally:
        loop.remove_reader(socket)
        loop.remove_writer(socket)
    return found
