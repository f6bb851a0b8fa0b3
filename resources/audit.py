"""The audit log: an event is written in the transaction of what it records, or that transaction fails."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb


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
