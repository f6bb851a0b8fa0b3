"""Who one person is: every source person that the crosswalk joins, and the identifiers that lead to them."""

from dataclasses import dataclass
from typing import Any

import psycopg

from pipelines.erasure.deletion import Keys, holds_rows
from pipelines.erasure.statements import statement
from pipelines.hl7.ownership import key_of_identifier
from pipelines.tombstones import NAMING_TYPES, identity
from resources.postgres import Database, Role


class UnknownPersonError(ValueError):
    """Nobody is known by that number; nothing was changed."""


@dataclass(frozen=True)
class Person:
    """One person in every source.

    Attributes:
        person_id: as in ``omop.person``.
        keys: of source persons, and other keys that references to them may have.
        identifiers: hash of each identifier that names nobody else to the hash of it with the birth date.
    """

    person_id: int
    keys: frozenset[int]
    identifiers: dict[bytes, bytes | None]


def find_person(database: Database, person_id: int) -> Person:
    """The person as TRANSFORM, whose duty it is to join sources.

    Someone who has no row in ``omop.person``, for instance for want of a birth date, is found by the key of the one
    source that names them, or by any row about them: a prompt stays when its person has gone from the sources. Of one
    whose erasure was begun the journal holds the keys.

    Raises:
        UnknownPersonError: no source names such a person and no row is about them, or the number is a source person's
            and not the person's.
        pipelines.erasure.deletion.UnerasableError: a table could not be erased.
    """
    with database.connect(Role.ERASER) as connection:
        query = "SELECT person_keys, state FROM landing.erasure WHERE person_id = %s"
        journal, state = connection.execute(query, (person_id,)).fetchone() or ([], "verified")
        is_held = holds_rows(connection, Keys(person_id, [person_id]))
    with database.connect(Role.TRANSFORM) as connection:
        keys = _joined(connection, person_id)
        if not keys:
            _refuse_source_person(connection, person_id)
            keys = {person_id} if is_held else set()
        # After an erasure that was proved, sources may have told people apart that were one.
        if not keys or state != "verified":
            keys |= set(journal)
        if not keys:
            raise UnknownPersonError(f"no source names a person {person_id}; person_id is as in omop.person.")
        # The crosswalk has these too, but not of somebody who was loaded since the build.
        keys |= {key for (key,) in _execute(connection, "aliases", person_keys=sorted(keys))}
        rows = _execute(connection, "identifiers", person_keys=sorted(keys))
    identifiers: dict[bytes, bytes | None] = {}
    for authority, value, joins, birth_date in rows:
        if joins:
            found = identity(authority, value, birth_date)
            identifiers[found.identifier] = identifiers.get(found.identifier) or found.born
            # Messages of types that are not mapped know the person by an identifier alone.
            keys.add(key_of_identifier(authority, value))
    return Person(person_id, frozenset(keys), identifiers)


def _joined(connection: psycopg.Connection[Any], person_id: int) -> set[int]:
    built = connection.execute("SELECT to_regclass('omop.person_crosswalk') IS NOT NULL").fetchone()
    if built is None or not built[0]:
        return set()
    return {key for (key,) in _execute(connection, "person_keys", person_id=person_id)}


def _refuse_source_person(connection: psycopg.Connection[Any], person_id: int) -> None:
    built = connection.execute("SELECT to_regclass('omop.person_crosswalk') IS NOT NULL").fetchone()
    if built is not None and built[0]:
        query = "SELECT person_id FROM omop.person_crosswalk WHERE person_key = %s"
        row = connection.execute(query, (person_id,)).fetchone()
        if row is not None:
            raise UnknownPersonError(f"{person_id} is a source's record of person {row[0]}: erase that person.")


def _execute(connection: psycopg.Connection[Any], name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    return connection.execute(statement(name), {"naming_types": sorted(NAMING_TYPES), **parameters}).fetchall()
