"""Events: written in the transaction of what they record, or that transaction fails; read only by the auditor."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from resources.identity.identity import Identity
from resources.identity.session import Session, open_session
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

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
    """Append one event to ``audit.event`` in the open transaction of a duty: ingest, transform, eraser.

    Callers and auditors write theirs by ``resources.identity.session.Session``, which knows under whose name.

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


def events_of(settings: Settings, database: Database, auditor: Identity, person_id: int) -> list[dict[str, Any]]:
    """Who did what with one person's data, in order of time: the accounting of disclosures (45 CFR § 164.528).

    Reading it is an event of its own, ``disclosure-accounting``, in the same transaction; it is in the next answer.

    Args:
        settings: where the identity key is.
        database: the warehouse.
        auditor: who asks, of role auditor.
        person_id: as in ``omop.person``.

    Raises:
        resources.identity.session.AccessDeniedError: the access policy lets this auditor state no purpose.
        resources.postgres.DatabaseUnavailableError: the database refused, or the event can't be written.
    """
    with _auditing(settings, database, auditor) as session:
        query = (_SQL / "audit_events_of_person.sql").read_bytes()
        with session.connection.cursor(row_factory=dict_row) as cursor:
            events = cursor.execute(query, {"person_id": person_id}).fetchall()
        session.record(
            action="disclosure-accounting", object_kind="audit.event", person_id=person_id, row_count=len(events)
        )
        session.connection.commit()
    return events


@contextlib.contextmanager
def _auditing(settings: Settings, database: Database, auditor: Identity) -> Iterator[Session]:
    """A transaction of an auditor's session."""
    with open_session(settings, database, auditor) as session:
        session.enter()
        yield session


def export(
    settings: Settings,
    database: Database,
    auditor: Identity,
    *,
    person_id: int | None = None,
    since: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Events in order of time within memory that does not grow with their number; hashes in hexadecimal.

    The event ``export``, with the number of events that follow, is committed before the first of them is handed out.

    Args:
        settings: where the identity key is.
        database: the warehouse.
        auditor: who asks, of role auditor.
        person_id: only this person's events.
        since: only events at or after this time.

    Raises:
        resources.identity.session.AccessDeniedError: the access policy lets this auditor state no purpose.
        resources.postgres.DatabaseUnavailableError: the database refused, or the event can't be written.
    """
    chosen = {"person_id": person_id, "since": since}
    with without_row_values(), database.connect(Role.AUDITOR) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # The snapshot that is counted is the one that is read.
        counted = connection.execute((_SQL / "count_audit_events.sql").read_bytes(), chosen).fetchone()
        with _auditing(settings, database, auditor) as session:
            session.record(
                action="export",
                object_kind="audit.event",
                person_id=person_id,
                row_count=counted[0] if counted else 0,
            )
            session.connection.commit()
        with connection.cursor("audit_export", row_factory=dict_row) as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute((_SQL / "export_audit_events.sql").read_bytes(), chosen)
            yield from cursor
