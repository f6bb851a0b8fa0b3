"""Quarantine: records that could not be used, each with a reason and a pointer to its landed bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from resources.postgres import Database, Role, without_row_values


@dataclass(frozen=True)
class QuarantinedRecord:
    """A record that could not be used.

    Attributes:
        record_key: where it lies: file hash and line (and bundle entry), or byte offset.
        reason: a fixed word such as ``not_json``.
        entry: index in the bundle that the line is; None outside one.
        detail: names of elements and rules, never values.
    """

    record_key: str
    reason: str
    file_id: int | None = None
    line_number: int | None = None
    entry: int | None = None
    byte_offset: int | None = None
    message_id: int | None = None
    resource_type: str | None = None
    detail: str | None = None


def keep(connection: psycopg.Connection[Any], records: Iterable[QuarantinedRecord]) -> None:
    """Write records in the caller's transaction; one that is there already is open again, for the reason it has now."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO quarantine.record "
            "(record_key, reason, file_id, line_number, entry, byte_offset, message_id, resource_type, detail) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (record_key) DO UPDATE SET released_at = NULL, "
            "reason = excluded.reason, detail = excluded.detail, resource_type = excluded.resource_type",
            [
                (
                    r.record_key,
                    r.reason,
                    r.file_id,
                    r.line_number,
                    r.entry,
                    r.byte_offset,
                    r.message_id,
                    r.resource_type,
                    r.detail,
                )
                for r in records
            ],
        )


def release(connection: psycopg.Connection[Any], file_ids: Sequence[int], kept: Iterable[QuarantinedRecord]) -> None:
    """Release the records of files that were read again, all but those that still can't be used."""
    connection.execute(
        "UPDATE quarantine.record SET released_at = now() "
        "WHERE file_id = ANY(%s) AND released_at IS NULL AND record_key <> ALL(%s)",
        (list(file_ids), [record.record_key for record in kept]),
    )


def release_messages(
    connection: psycopg.Connection[Any], message_ids: Sequence[int], kept: Iterable[QuarantinedRecord]
) -> None:
    """Release the records of messages that were folded again, all but those that still can't be used."""
    connection.execute(
        "UPDATE quarantine.record SET released_at = now() "
        "WHERE message_id = ANY(%s) AND released_at IS NULL AND record_key <> ALL(%s)",
        (list(message_ids), [record.record_key for record in kept]),
    )


def counts_by_reason(database: Database) -> dict[str, int]:
    """Records still in quarantine, by reason."""
    with without_row_values(), database.connect(Role.INGEST) as connection:
        rows = connection.execute(
            "SELECT reason, count(*) FROM quarantine.record WHERE released_at IS NULL GROUP BY reason ORDER BY reason"
        ).fetchall()
    return dict(rows)
