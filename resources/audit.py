"""The audit log: an event is written in the transaction of what it records, or that transaction fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from resources.postgres import Database, Role, without_row_values

_SQL = Path(__file__).parent / "sql"


def record(
    connection: psycopg.Connection[Any],
    *,
    subject: str,
    purpose: str,
    action: str,
    object_kind: str,
    person_id: int | None = None,
    object_ids: Sequence[int] = (),
    row_count: int = 0,
    details: Mapping[str, str | int | float | None] | None = None,
) -> None:
    """Append one event to ``audit.event`` in the caller's open transaction.

    Args:
        connection: not in autocommit mode, so that the event and what it records commit together.
        subject: who acts: a service's or a person's name.
        purpose: why, such as ``care-gap-adjudication``.
        action: ``read``, ``embed``, ``model-call`` or ``decide``.
        object_kind: the table or kind of thing acted on.
        person_id: whose data, as in ``omop.person``.
        object_ids: keys of the rows, such as chunk ids.
        row_count: how many rows were read or written.
        details: hashes and counts; never content.

    Raises:
        ValueError: the connection is in autocommit mode.
        psycopg.Error: the event can't be written; the caller's transaction is then aborted.
    """
    if connection.autocommit:
        raise ValueError("an audit event needs the transaction of what it records: turn autocommit off")
    connection.execute(
        "SELECT audit.append(%s, %s, %s, %s, %s, %s::bigint[], %s, %s)",
        (subject, purpose, action, person_id, object_kind, list(object_ids), row_count, Jsonb(dict(details or {}))),
    )


@dataclass(frozen=True)
class BrokenEvent:
    """Where a chain is broken: the first event that is not what was written."""

    chain: int
    sequence: int
    problem: str


@dataclass(frozen=True)
class Verification:
    """Events read and, of each broken chain, the first break; whole if there is none."""

    events: int
    broken: tuple[BrokenEvent, ...]


def verify(database: Database) -> Verification:
    """Compute every hash of the log anew, as the auditor, and compare each chain's end with its head.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), database.connect(Role.AUDITOR) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        counted = connection.execute("SELECT count(*) FROM audit.event").fetchone()
        broken = connection.execute((_SQL / "broken_audit_events.sql").read_bytes()).fetchall()
    return Verification(counted[0] if counted else 0, tuple(BrokenEvent(*row) for row in broken))


def events_of(database: Database, person_id: int) -> list[dict[str, Any]]:
    """Who did what with one person's data, in order of time: the accounting of disclosures (45 CFR § 164.528).

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), database.connect(Role.AUDITOR, row_factory=dict_row) as connection:
        query = (_SQL / "audit_events_of_person.sql").read_bytes()
        return connection.execute(query, {"person_id": person_id}).fetchall()
