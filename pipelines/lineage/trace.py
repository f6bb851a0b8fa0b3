"""From one row to the landed records that it is made of."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pipelines.fhir.reading import BYTE_ORDER_MARK
from pipelines.hl7.identity import SOURCE_SYSTEM
from pipelines.lineage.messages import messages_of
from pipelines.lineage.place import Place, record_bytes
from pipelines.lineage.rows import NotTraceableError, full_name, key_column, resources_of, rows_behind
from pipelines.lineage.statements import statement
from pipelines.lineage.visibility import Visibility
from resources import locks
from resources.identity import Identity
from resources.identity.session import AccessDeniedError, Session, open_session
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings


@dataclass(frozen=True)
class Source:
    """A landed record that a row is made of.

    Attributes:
        about: file hash, line, bundle entry or byte offset; type, id, version; the load that wrote the rows.
        person_id: whose it is; None of nobody's.
        content: the FHIR resource as landed, or the HL7 v2 message; None if not asked for or erased.
    """

    about: Mapping[str, Any]
    person_id: int | None
    content: Mapping[str, Any] | bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Trace:
    """All source records of a row that the caller may see, ``table`` with its schema."""

    table: str
    row_id: int
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class _Reading:
    """The connections of one trace: under the caller's ticket, and those of duties, which know keys and bytes."""

    settings: Settings
    session: Session
    keys: psycopg.Connection[Any]
    landing: psycopg.Connection[Any]
    visibility: Visibility


def trace(
    settings: Settings,
    database: Database,
    reader: Identity,
    table: str,
    row_id: int,
    *,
    purpose: str | None = None,
    content: bool = False,
) -> Trace:
    """The landed records that a row of omop, features or bronze is made of.

    The person is claimed and the row read as the caller before anything else is looked at; the event ``read`` commits
    before anything is returned. A source record that the caller may not see whole is left out, as a row would be. A
    newer version that bronze has and omop not yet is what is shown.

    Args:
        settings: where landed files lie.
        database: the warehouse.
        reader: who asks; of role reviewer.
        table: such as ``condition_occurrence``, ``omop.condition_occurrence`` or ``bronze.note``.
        row_id: its key, such as ``condition_occurrence_id``; of ``features.patient_timeline`` the ``cdm_id``.
        purpose: why; default: the reader's first purpose.
        content: whether to read the landed bytes.

    Raises:
        NotTraceableError: there is no such table, or its rows come from no source record.
        resources.identity.session.AccessDeniedError: there is no such row, or the reader may not see it.
        pipelines.landing.InputError: a file's bytes are gone.
        resources.postgres.DatabaseUnavailableError: the database refused, or an audit event could not be written.
    """
    if reader.role is not Role.REVIEWER:
        raise AccessDeniedError("landed records are shown to a reviewer only.")
    with (
        without_row_values(),
        database.connect(Role.TRANSFORM) as keys,
        database.connect(Role.INGEST, autocommit=True) as landing,
        open_session(settings, database, reader, purpose) as session,
    ):
        name = full_name(keys, table)
        locks.share(landing, locks.LANDING)
        reading = _Reading(settings, session, keys, landing, Visibility(session, reader, keys))
        _enter(reading, name, row_id)
        sources = tuple(_sources(reading, name, row_id, content=content))
        if not sources:
            raise _not_seen()
        _record(session, name, row_id, sources, content=content)
        session.connection.commit()
    return Trace(name, row_id, sources)


def _not_seen() -> AccessDeniedError:
    return AccessDeniedError("there is no such row, or the caller may not see it.")


def _enter(reading: _Reading, name: str, row_id: int) -> None:
    """Claim whoever the row is of, and enter; a row in no one's view is as good as none."""
    people = _people(reading.keys, name, row_id)
    granted = reading.session.claim(people)
    if people and not granted:
        raise _not_seen()
    reading.session.enter(next(iter(granted)) if len(granted) == 1 else None)
    if not _is_visible(reading, name, row_id):
        raise _not_seen()


def _people(keys: psycopg.Connection[Any], name: str, row_id: int) -> list[int]:
    """Whose the row is: by its own column, else those of its source records."""
    schema, _, table = name.partition(".")
    has_person = keys.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
        "AND column_name = 'person_id'",
        (schema, table),
    ).fetchone()
    if has_person:
        query = sql.SQL("SELECT DISTINCT person_id FROM {} WHERE {} = %s")
        found = keys.execute(query.format(sql.Identifier(schema, table), sql.Identifier(key_column(name))), (row_id,))
    else:
        found = keys.execute(
            "SELECT DISTINCT crosswalk.person_id FROM bronze.resource INNER JOIN omop.person_crosswalk AS crosswalk "
            "USING (person_key) WHERE resource_key = ANY(%s)",
            (resources_of(keys, name, row_id),),
        )
    return [person for (person,) in found]


def _is_visible(reading: _Reading, name: str, row_id: int) -> bool:
    """Whether the caller sees the row itself, where callers read its table; else its source records decide."""
    schema, _, table = name.partition(".")
    if schema == "bronze":
        return True
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s").format(
        sql.Identifier(schema, table), sql.Identifier(key_column(name))
    )
    if name == "omop.note":
        query = sql.SQL("SELECT 1 FROM omop.event_source WHERE cdm_table = 'note' AND cdm_id = %s").format()
    return reading.session.connection.execute(query, (row_id,)).fetchone() is not None


def _sources(reading: _Reading, name: str, row_id: int, *, content: bool) -> Iterator[Source]:
    seen: set[Any] = set()
    for behind, key in rows_behind(reading.session.connection, name, row_id):
        if behind == name or _is_visible(reading, behind, key):
            found = resources_of(reading.keys, behind, key)
            if not found and behind.startswith("omop."):
                raise NotTraceableError(f"this row of {behind} is made of no source record.")
            for resource_key in found:
                yield from _records(reading, resource_key, seen, content=content)


def _records(reading: _Reading, resource_key: int, seen: set[Any], *, content: bool) -> Iterator[Source]:
    """The record, or the messages it was folded from, each once."""
    with reading.keys.cursor(row_factory=dict_row) as cursor:
        resource = cursor.execute(statement("resource"), {"resource_key": resource_key}).fetchone()
    if resource is None or not reading.visibility.sees(resource_key):
        return
    key = resource["person_key"]
    person = None if key is None else reading.visibility.person(key)
    if resource["source_system"] == SOURCE_SYSTEM:
        for message in messages_of(reading.settings, reading.landing, resource):
            number = message.about["record_id"]
            if number not in seen and _sees_all(reading, message.resource_keys):
                seen.add(number)
                yield Source(message.about, person, message.body if content else None)
    elif resource_key not in seen:
        seen.add(resource_key)
        about = {key: value for key, value in resource.items() if key not in ("resource_key", "person_key", "file_id")}
        yield Source(about, person, _resource(reading, resource) if content else None)


def _sees_all(reading: _Reading, resource_keys: Iterable[int]) -> bool:
    """Whether the caller may see everything that a message tells of."""
    query = "SELECT resource_key FROM bronze.resource WHERE resource_key = ANY(%s)"
    told = reading.keys.execute(query, (list(resource_keys),)).fetchall()
    return all(reading.visibility.sees(key) for (key,) in told)


def _resource(reading: _Reading, resource: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The landed JSON of one resource; None if it was erased."""
    place = Place(resource["file_id"], resource["line_number"], resource["entry"])
    landed = record_bytes(reading.settings, reading.landing, place)
    if landed is None:
        return None
    value: Mapping[str, Any] = orjson.loads(landed.removeprefix(BYTE_ORDER_MARK))
    # Of a deletion the entry says no more than what is deleted.
    return value if place.entry is None else value.get("resource", value)


def _record(session: Session, name: str, row_id: int, sources: Iterable[Source], *, content: bool) -> None:
    """One event for each person whose records these are, or one without."""
    counts: dict[int | None, int] = {}
    for source in sources:
        counts[source.person_id] = counts.get(source.person_id, 0) + 1
    people: list[int | None] = [known for known in counts if known is not None]
    for person in people or [None]:
        session.record(
            action="read",
            object_kind=name,
            person_id=person,
            object_ids=[row_id],
            row_count=counts[person],
            details={"trace": "content" if content else "place"},
        )
