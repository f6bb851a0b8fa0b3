"""Whom a change concerns: the persons changed, and all who are or were one with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from pipelines.refresh.statements import statement

_STEPS = ("same_person", "same_identifier", "had_same_identifier", "merged", "aliases")
_FOUND = "CREATE TEMPORARY TABLE found (person_key bigint)"


class TooManyPersonsError(RuntimeError):
    """So many are concerned that a build of everybody costs less."""


@dataclass(frozen=True)
class Sharing:
    """What the dbt project says of identifiers that make one person of several.

    Attributes:
        identifier_types: types that name a person (HL7 table 0203).
        most: how many may share one; of more it is a placeholder.
    """

    identifier_types: Sequence[str]
    most: int


def find_persons(connection: psycopg.Connection[Any], sharing: Sharing, most_persons: int) -> None:
    """Fill ``pg_temp.part_person_key`` with the keys of the changed persons and of whoever they decide about.

    Two source persons decide about each other if they are one in the crosswalk, by an identifier, a merge or an alias,
    or were when it was made. An identifier of more than ``sharing.most``, before and after, decides nothing.

    Args:
        connection: as TRANSFORM, in the transaction that reads bronze.
        sharing: how identifiers make one person of several.
        most_persons: how many keys a refresh takes.

    Raises:
        TooManyPersonsError: there are more than ``most_persons``.
    """
    connection.execute(statement("changed_persons"))
    connection.execute("CREATE TEMPORARY TABLE newest AS SELECT person_key FROM pg_temp.part_person_key")
    _follow(connection, sharing, most_persons)


def add_owners(connection: psycopg.Connection[Any], sharing: Sharing, most_persons: int) -> bool:
    """Add whose records the persons' records name, as ``find_persons`` adds others; whether there were any.

    Raises:
        TooManyPersonsError: there are more than ``most_persons``.
    """
    connection.execute("TRUNCATE pg_temp.newest")
    if not _add(connection, ("owners",), {}):
        return False
    _follow(connection, sharing, most_persons)
    return True


def _follow(connection: psycopg.Connection[Any], sharing: Sharing, most_persons: int) -> None:
    """Go on from ``pg_temp.newest`` until nobody new is found."""
    row = connection.execute("SELECT count(*) FROM pg_temp.changed").fetchone()
    # As many as changed may have come to an identifier, or left it.
    most = sharing.most + (row[0] if row else 0)
    parameters = {"most": most, "identifier_types": list(sharing.identifier_types)}
    found = True
    while found:
        row = connection.execute("SELECT count(*) FROM pg_temp.part_person_key").fetchone()
        if row and row[0] > most_persons:
            raise TooManyPersonsError
        connection.execute("ANALYZE pg_temp.newest, pg_temp.part_person_key")
        found = _add(connection, _STEPS, parameters)


def _add(connection: psycopg.Connection[Any], steps: Sequence[str], parameters: dict[str, Any]) -> bool:
    connection.execute(_FOUND)
    for step in steps:
        connection.execute(statement(step), parameters)
    connection.execute("TRUNCATE pg_temp.newest")
    added = connection.execute(statement("add_persons")).rowcount
    connection.execute("DROP TABLE pg_temp.found")
    return added > 0
