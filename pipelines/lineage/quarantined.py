"""What is in quarantine: counted, listed, shown, read again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pipelines import fhir, hl7
from pipelines.lineage.advice import advice
from pipelines.lineage.place import Place, record_bytes
from pipelines.lineage.statements import statement
from pipelines.quarantine import counts_by_reason
from resources import locks
from resources.identity import Identity
from resources.identity.session import AccessDeniedError, open_session
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings


class NoSuchRecordError(ValueError):
    """No record has this key."""


class ContentError(RuntimeError):
    """The landed bytes can't be shown; the text says why."""


@dataclass(frozen=True)
class Listing:
    """A page of what is in quarantine.

    Attributes:
        groups: counts by reason, type and source system with the oldest of each, most first; of all pages.
        records: keys of this page in order of arrival, with reason, type, source system and time.
        next_key: what to name as ``after`` for the next page; None on the last.
    """

    groups: list[dict[str, Any]]
    records: list[dict[str, Any]]
    next_key: str | None


@dataclass(frozen=True)
class QuarantinedPlace:
    """One record: where it lies, why it can't be used and what to do, and its content if that was asked for.

    Attributes:
        about: names and numbers, never values.
        loads: the loads of its file, in order of time.
        content: the landed bytes of exactly this record; None if not asked for.
    """

    about: Mapping[str, Any]
    loads: list[dict[str, Any]]
    content: bytes | None = field(default=None, repr=False)


def find(
    database: Database,
    *,
    reason: str | None = None,
    source_system: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Listing:
    """What is in quarantine and not released.

    Args:
        reason: only records that are there for this reason.
        source_system: only records of files that were loaded for this system last; ``hl7v2`` for messages.
        limit: at most so many records.
        after: the key of the last record of the page before.

    Raises:
        NoSuchRecordError: no record has the key ``after``.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), database.connect(Role.INGEST) as connection:
        first = 0 if after is None else _record_id(connection, after)
        wanted = {"reason": reason, "source_system": source_system, "after": first, "limit": limit + 1}
        with connection.cursor(row_factory=dict_row) as cursor:
            groups = cursor.execute(statement("quarantined_groups"), wanted).fetchall()
            records = cursor.execute(statement("quarantined_page"), wanted).fetchall()
    page = records[:limit]
    return Listing(groups, page, page[-1]["record_key"] if len(records) > limit else None)


def _record_id(connection: psycopg.Connection[Any], key: str) -> int:
    row = connection.execute("SELECT record_id FROM quarantine.record WHERE record_key = %s", (key,)).fetchone()
    if row is None:
        raise _no_such_record()
    return int(row[0])


def _no_such_record() -> NoSuchRecordError:
    return NoSuchRecordError("no record in quarantine has this key; 'sanctum quarantine list' has them.")


def show(
    settings: Settings,
    database: Database,
    key: str,
    *,
    reader: Identity | None = None,
    purpose: str | None = None,
) -> QuarantinedPlace:
    """One record of quarantine, also one that was released.

    Args:
        settings: where landed files lie.
        database: the warehouse.
        key: as ``find`` has it.
        reader: who wants to see the landed bytes; None: nobody does. Nobody knows whose such a record is, nor which
            labels it would have, so only a reviewer who sees everyone and every label may.
        purpose: why; default: the reader's first purpose.

    Raises:
        NoSuchRecordError: no record has this key.
        ContentError: there are no bytes to show.
        resources.identity.session.AccessDeniedError: the reader may not see them; that it was asked for is on record.
        pipelines.landing.InputError: the file's bytes are gone.
        resources.postgres.DatabaseUnavailableError: the database refused, or an audit event could not be written.
    """
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        locks.share(connection, locks.LANDING)
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(statement("quarantined_record"), {"key": key}).fetchone()
            if found is None:
                raise _no_such_record()
            about = _about(found)
            whose = {"file_id": found["file_id"], "source_system": None}
            loads = cursor.execute(statement("loads_of_file"), whose).fetchall()
        content = None
        if reader is not None:
            place = _place(found)
            content = _read(settings, database, connection, place, found["record_id"], reader, purpose)
    return QuarantinedPlace(about, loads, content)


def _about(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in found.items() if name not in ("record_id", "file_id")}
    return {**kept, "what_to_do": advice(found["reason"])}


def _place(found: Mapping[str, Any]) -> Place:
    return Place(found["file_id"], found["line_number"], found["entry"], found["byte_offset"], found["message_id"])


def _read(
    settings: Settings,
    database: Database,
    connection: psycopg.Connection[Any],
    place: Place,
    record_id: int,
    reader: Identity,
    purpose: str | None,
) -> bytes:
    """The bytes, once the reader may see them and that it does is on record."""
    if place.is_whole_file:
        raise ContentError("this record is a whole file that could not be read: there is no single record to show.")
    if reader.role is not Role.REVIEWER:
        raise AccessDeniedError("landed bytes are shown to a reviewer only.")
    with open_session(settings, database, reader, purpose) as session:
        claim = "SELECT access.claim_landed(%s, 'quarantine.record', %s)"
        row = session.connection.execute(claim, (session.ticket, record_id)).fetchone()
        session.connection.commit()
        if not (row and row[0]):
            raise AccessDeniedError(
                "nobody knows whose a quarantined record is: only a caller to whom the access policy gives "
                "everyone and every sensitivity may see its bytes."
            )
        content = record_bytes(settings, connection, place)
        if content is None:
            raise ContentError("there are no bytes: the record was erased, or its file is empty.")
        session.enter()
        session.record(action="read", object_kind="quarantine.record", object_ids=[record_id], row_count=1)
        session.connection.commit()
    return content


def replay(
    settings: Settings, database: Database, progress: Progress | None = None, *, reason: str | None = None
) -> dict[str, Any]:
    """Read again from landing what is in quarantine; what has become usable is loaded and released.

    Args:
        settings: as a load has them.
        database: the warehouse.
        progress: told how far it is.
        reason: only what is there for this reason; of a FHIR file that holds such a record everything is read.

    Returns:
        How many records were released, how many are open by reason, and the account of what was read.

    Raises:
        as ``pipelines.fhir.load_fhir`` and ``pipelines.hl7.fold_messages``.
    """
    before = sum(counts_by_reason(database).values())
    account = fhir.replay_fhir(settings, database, progress, reason)
    account += hl7.replay_messages(settings, database, progress, reason).account
    left = counts_by_reason(database)
    return {"released": before - sum(left.values()), "open": left, **account.as_dict()}
