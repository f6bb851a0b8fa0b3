"""How long what is kept, by the classes of ``retention.class``, and removing what is due where that is safe.

Belongs here: counting and purging. Does not belong here: one person's erasure, which no class can delay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from resources import audit
from resources.postgres import Database, Role, without_row_values

_ROWS: Mapping[str, tuple[Role, LiteralString]] = {
    "landing": (Role.ERASER, "SELECT received_at AS stamp FROM landing.file"),
    "quarantine.released": (
        Role.ERASER,
        "SELECT released_at AS stamp FROM quarantine.record WHERE released_at IS NOT NULL",
    ),
    "quarantine.open": (Role.ERASER, "SELECT quarantined_at AS stamp FROM quarantine.record WHERE released_at IS NULL"),
    "inference.superseded": (Role.ERASER, "SELECT decided_at AS stamp FROM retention.superseded_adjudication"),
    "inference.current": (
        Role.ERASER,
        "SELECT decided_at AS stamp FROM inference.adjudication AS a WHERE NOT EXISTS "
        "(SELECT FROM retention.superseded_adjudication AS s WHERE s.adjudication_id = a.adjudication_id)",
    ),
    "retrieval": (Role.EMBED, "SELECT created_at AS stamp FROM retrieval.document_chunk"),
    "audit.event": (Role.AUDITOR, "SELECT occurred_at AS stamp FROM audit.event"),
    "landing.erasure": (Role.ERASER, "SELECT started_at AS stamp FROM landing.erasure"),
}
"""Rows of a class by the time from which it is kept, and the role that may count them."""

_PURGES: Mapping[str, LiteralString] = {
    "quarantine.released": "DELETE FROM quarantine.record WHERE released_at < now() - %(delete_after)s::interval",
    "inference.superseded": "DELETE FROM inference.adjudication WHERE adjudication_id IN (SELECT adjudication_id "
    "FROM retention.superseded_adjudication WHERE decided_at < now() - %(delete_after)s::interval)",
}
"""Classes from which deleting breaks nothing. Bytes go by erasure only, and a chain of audit events loses no link."""


@dataclass(frozen=True)
class ClassReport:
    """One class: its rows, the oldest, how many are older than ``delete_after``, and whether a purge removes them."""

    store: str
    keep_at_least: str
    delete_after: str | None
    rows: int
    oldest: datetime | None
    due: int
    purgeable: bool
    basis: str


def classes(database: Database) -> list[ClassReport]:
    """Every class with what is in it now; a store that Sanctum can't count has no rows.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), database.connect(Role.ERASER) as connection:
        found = connection.execute(
            "SELECT store, keep_at_least::text, delete_after::text, basis FROM retention.class ORDER BY store"
        ).fetchall()
        return [_class(database, *row) for row in found]


def _class(database: Database, store: str, keep: str, after: str | None, basis: str) -> ClassReport:
    counted = (0, None, 0)
    if store in _ROWS:
        role, rows = _ROWS[store]
        with database.connect(role) as connection:
            query = sql.SQL(
                "SELECT count(*), min(stamp), count(*) FILTER (WHERE stamp < now() - %s::interval) FROM ({}) AS kept"
            ).format(sql.SQL(rows))
            counted = connection.execute(query, (after,)).fetchone() or counted
    number, oldest, due = counted
    return ClassReport(store, keep, after, number, oldest, due, store in _PURGES, basis)


def purge(database: Database, subject: str) -> dict[str, int]:
    """Delete what is due in the classes that can be purged, with an audit event in the same transaction.

    The database itself refuses a row that is younger than its class's ``keep_at_least``.

    Returns:
        Deleted rows by class.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused; nothing was deleted.
    """
    deleted: dict[str, int] = {}
    with without_row_values(), database.connect(Role.ERASER) as connection:
        due = connection.execute(
            "SELECT store, delete_after FROM retention.class WHERE delete_after IS NOT NULL AND store = ANY(%s)",
            (list(_PURGES),),
        ).fetchall()
        for store, after in due:
            deleted[store] = connection.execute(_PURGES[store], {"delete_after": after}).rowcount
        audit.record(
            connection,
            subject=subject,
            purpose="retention-expired",
            action="purge",
            object_kind="retention.class",
            row_count=sum(deleted.values()),
            details=deleted,
        )
    return deleted
