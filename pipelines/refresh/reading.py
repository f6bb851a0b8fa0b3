"""Reading bronze for a refresh: copies of the rows of its persons and of what these name, as temporary tables."""

from typing import Any

import psycopg
from psycopg import sql

from pipelines.bronze import BronzeTable, bronze_tables
from pipelines.refresh.persons import Sharing, add_owners
from pipelines.refresh.statements import statement

_OF_NO_PERSON = ("care_site", "provider", "provider_role")
"""Read as they are: a change to one of their rows needs a build of everybody."""
_NAMED = ("resource", "reference_alias", "medication", "device", "rejected_request")
"""Read by what the persons' rows name, or by what names them (``read_named.sql``)."""
_NOT_READ = ("provenance",)
"""No model reads it."""
_SUPERSEDED = "superseded_row"
"""Read by resource, and by person: a record may have become somebody else's."""
_NAMES = "named_keys"
"""The one column of JSON whose keys are followed: a reason is read as a key alone."""


def copy_bronze(connection: psycopg.Connection[Any], sharing: Sharing, most_persons: int) -> None:
    """Make ``pg_temp.bronze_*`` of every bronze table that models read, for ``pg_temp.part_person_key``.

    Persons whose records these persons' records name are added, and read too: labels of a mother's stay hold for the
    record of her child that names it.

    Args:
        connection: as TRANSFORM, in the transaction whose snapshot is read.
        sharing: how identifiers make one person of several.
        most_persons: how many keys a refresh takes.

    Raises:
        pipelines.refresh.persons.TooManyPersonsError: there are more than ``most_persons``.
    """
    tables = bronze_tables(connection)
    owned = [table for name, table in tables.items() if name not in (*_OF_NO_PERSON, *_NAMED, *_NOT_READ)]
    _copy_owned(connection, owned)
    while add_owners(connection, sharing, most_persons):
        copies = (*(table.name for table in owned), _SUPERSEDED)
        for name in ("part_resource_key", "part_reference", *(f"bronze_{name}" for name in copies)):
            connection.execute(sql.SQL("DROP TABLE pg_temp.{}").format(sql.Identifier(name)))
        _copy_owned(connection, owned)
    connection.execute(statement("read_named"))
    types = {"identifier_types": list(sharing.identifier_types)}
    connection.execute(statement("read_sharers"), types)
    connection.execute(statement("read_sharing_persons"))
    for name in _OF_NO_PERSON:
        view = sql.SQL("CREATE TEMPORARY VIEW {} AS SELECT * FROM {}")
        connection.execute(view.format(_copy(name), sql.Identifier("bronze", name)))
    for name in (*(table.name for table in owned), *_NAMED, _SUPERSEDED):
        connection.execute(sql.SQL("ANALYZE pg_temp.{}").format(_copy(name)))


def _copy_owned(connection: psycopg.Connection[Any], owned: list[BronzeTable]) -> None:
    connection.execute(
        "CREATE TEMPORARY TABLE part_resource_key AS SELECT resource_key FROM bronze.resource "
        "WHERE person_key IN (SELECT person_key FROM pg_temp.part_person_key)"
    )
    connection.execute("ANALYZE pg_temp.part_resource_key")
    for table in owned:
        names = {"copy": _copy(table.name), "table": sql.Identifier("bronze", table.name)}
        text: Any = statement("read_owned").decode()
        connection.execute(sql.SQL(text).format(**names))
    connection.execute(statement("read_superseded"))
    superseded = sql.SQL(statement("superseded_keys").decode())
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE part_reference AS {}").format(
            sql.SQL(" UNION ").join([*(_keys(table) for table in owned), superseded])
        )
    )
    connection.execute("ANALYZE pg_temp.part_reference")


def _keys(table: BronzeTable) -> sql.Composed:
    """Every key that the rows of a copy hold."""
    keys = [column.name for column in table.columns if column.type == "bigint" and column.name.endswith("_key")]
    parts = [
        sql.SQL("SELECT {key} AS key FROM pg_temp.{copy} WHERE {key} IS NOT NULL").format(
            key=sql.Identifier(key), copy=_copy(table.name)
        )
        for key in keys
        if key != "resource_key"
    ]
    if any(column.name == _NAMES for column in table.columns):
        parts.append(
            sql.SQL("SELECT jsonb_array_elements_text({})::bigint FROM pg_temp.{}").format(
                sql.Identifier(_NAMES), _copy(table.name)
            )
        )
    return sql.SQL(" UNION ").join(parts)


def _copy(name: str) -> sql.Identifier:
    return sql.Identifier(f"bronze_{name}")
