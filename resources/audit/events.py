"""Events: written in the transaction of what they record, or that transaction fails; read only by the auditor."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from resources.postgres import Database, Role, without_row_values

# Purposes of use as HL7 v3 codes them: this one is compliance with law and policy.
ACCOUNTING = "HCOMPL"

_SQL = Path(__file__).parents[1] / "sql"
_ROWS_AT_ONCE = 1000


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
        action: what is done, such as ``claim``, ``read``, ``embed``, ``model-call`` or ``decide``.
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


def events_of(database: Database, person_id: int, *, subject: str) -> list[dict[str, Any]]:
    """Who did what with one person's data, in order of time: the accounting of disclosures (45 CFR § 164.528).

    Reading it is an event of its own, ``disclosure-accounting``, in the same transaction; it is in the next answer.

    Args:
        database: the warehouse.
        person_id: as in ``omop.person``.
        subject: who asks.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused, or the event can't be written.
    """
    with without_row_values(), database.connect(Role.AUDITOR) as connection:
        query = (_SQL / "audit_events_of_person.sql").read_bytes()
        with connection.cursor(row_factory=dict_row) as cursor:
            events = cursor.execute(query, {"person_id": person_id}).fetchall()
        record(
            connection,
            subject=subject,
            purpose=ACCOUNTING,
            action="disclosure-accounting",
            object_kind="audit.event",
            person_id=person_id,
            row_count=len(events),
        )
    return events


def export(
    database: Database, *, subject: str, person_id: int | None = None, since: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Events in order of time within memory that does not grow with their number; hashes in hexadecimal.

    The event ``export``, with the number of events that follow, is committed before the first of them is handed out.

    Args:
        database: the warehouse.
        subject: who asks.
        person_id: only this person's events.
        since: only events at or after this time.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused, or the event can't be written.
    """
    chosen = {"person_id": person_id, "since": since}
    with without_row_values(), database.connect(Role.AUDITOR) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # The snapshot that is counted is the one that is read.
        counted = connection.execute((_SQL / "count_audit_events.sql").read_bytes(), chosen).fetchone()
        with database.connect(Role.AUDITOR) as other:
            record(
                other,
                subject=subject,
                purpose=ACCOUNTING,
                action="export",
                object_kind="audit.event",
                person_id=person_id,
                row_count=counted[0] if counted else 0,
            )
        with connection.cursor("audit_export", row_factory=dict_row) as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute((_SQL / "export_audit_events.sql").read_bytes(), chosen)
            yield from cursor
