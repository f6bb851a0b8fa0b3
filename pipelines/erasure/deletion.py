"""Deleting one person's rows from every table, as ERASER, who reads keys and no content.

Tables are found by their columns, so that a new table with a person in it is erased too, or refused by name if the
eraser may not delete from it. Tables that hold people's rows under other keys are named here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from pipelines.erasure.statements import statement
from pipelines.redaction import allow_deletion

PERSON_COLUMNS = ("person_id", "person_key", "hub_key")
KEPT_SCHEMAS = ("audit",)
"""Who did what to whose data is kept: it names a person by number only (45 CFR 164.316(b)(2)(i))."""
_JOURNAL = ("landing.erasure", "landing.erased_person")

_OTHER_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "access.scope_name": (("scope_id", "resources"),),
    "bronze.provenance": (("resource_key", "resources"), ("target_key", "resources")),
    "omop.dropped_row": (("bronze_key", "rows"),),
    "omop.note_nlp": (("note_id", "rows"),),
    "omop_intermediate.int_claim_label": (("resource_key", "resources"),),
    "omop_intermediate.int_encounter_label": (("encounter_key", "resources"), ("encounter_key", "rows")),
    "omop_intermediate.int_labelled_resource": (("resource_key", "resources"),),
    "omop_intermediate.int_location": (("location_key", "locations"),),
    "omop_intermediate.int_named_resource": (("resource_key", "resources"),),
    "omop_intermediate.int_reference_alias": (("resource_key", "resources"),),
    "omop_intermediate.int_published_label": (("resource_key", "resources"),),
    "omop_intermediate.int_resource_label": (("resource_key", "resources"),),
    "omop_intermediate.int_scope_name": (("scope_id", "resources"),),
    "omop_intermediate.int_visit": (("visit_key", "rows"), ("encounter_key", "rows"), ("visit_occurrence_id", "rows")),
}
"""Tables whose rows belong to people by other keys: column, and which of the person's keys it holds."""


class UnerasableError(RuntimeError):
    """A table holds people's rows and the eraser may not delete them; nothing was deleted."""


@dataclass
class Keys:
    """Keys of one person's rows.

    Attributes:
        people: of source persons.
        resources: of the resources that own rows.
        rows: of bronze rows of any table.
        locations: of addresses.
        messages: ids of HL7 v2 messages.
    """

    person_id: int
    people: list[int]
    resources: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    locations: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)


def claim_resources(connection: psycopg.Connection[Any], keys: Keys, resources: Collection[int]) -> None:
    """Say of resources found in landed bytes whose they are, so that they go with the others even after a crash."""
    parameters = {"person_id": keys.person_id, "resources": sorted(resources), "people": keys.people}
    connection.execute(statement("claim_resources"), parameters)


def delete_rows(connection: psycopg.Connection[Any], keys: Keys, messages: Iterable[int]) -> dict[str, int]:
    """Delete every row of the person in the caller's transaction; rows by ``schema.table``, tables without left out.

    Args:
        connection: as ERASER.
        keys: the person; what else leads to their rows is filled in.
        messages: ids of messages that only their bytes show to be the person's.

    Raises:
        UnerasableError: the eraser has no right to delete from a table with people in it.
    """
    tables = _tables(connection)
    _refuse_unerasable(tables)
    _find_keys(connection, keys, tables, messages)
    allow_deletion(connection)
    deleted: dict[str, int] = {}
    for table, columns in sorted(tables.items(), key=_order):
        conditions = _conditions(table, columns, keys)
        if conditions and table not in _JOURNAL:
            deleted[table] = _delete(connection, table, conditions)
    if "omop.location" in tables:
        deleted["omop.location"] = connection.execute(statement("delete_empty_locations")).rowcount
    if "omop.fact_relationship" in tables:
        deleted["omop.fact_relationship"] = connection.execute(statement("delete_lone_relationships")).rowcount
    deleted["quarantine.record"] = connection.execute(
        "DELETE FROM quarantine.record WHERE message_id = ANY(%s)", (keys.messages,)
    ).rowcount
    deleted["landing.hl7_message_key"] = connection.execute(
        "DELETE FROM landing.hl7_message_key WHERE message_id = ANY(%s)", (keys.messages,)
    ).rowcount
    deleted["landing.hl7_message"] = connection.execute(
        "DELETE FROM landing.hl7_message WHERE message_id = ANY(%s)", (keys.messages,)
    ).rowcount
    return {table: number for table, number in deleted.items() if number}


def holds_rows(connection: psycopg.Connection[Any], keys: Keys) -> bool:
    """Whether a row of the person is anywhere, as ERASER: of one who was erased, that they are back."""
    tables = _tables(connection)
    _refuse_unerasable(tables)
    _find_keys(connection, keys, tables, ())
    for table, columns in tables.items():
        conditions = [(column, values) for column, values in _conditions(table, columns, keys) if values]
        if conditions and table not in _JOURNAL:
            query = sql.SQL("SELECT FROM {} WHERE {} LIMIT 1").format(
                sql.Identifier(*table.split(".")), _any_of(conditions)
            )
            if connection.execute(query).fetchone() is not None:
                return True
    return bool(keys.messages)


def vacuum(connection: psycopg.Connection[Any], tables: Iterable[str], longest_bytes: int = 1 << 28) -> list[str]:
    """Give the space of dead rows back, tables of up to ``longest_bytes`` by writing them anew.

    The connection is ERASER's in autocommit mode. Returns the tables that the server left to autovacuum, for want of
    PostgreSQL 17's right to maintain them.
    """
    left = []
    for table in sorted(tables):
        name = sql.Identifier(*table.split("."))
        row = connection.execute(statement("size_to_vacuum"), {"table": table}).fetchone()
        size, may = row or (0, False)
        if not may:
            left.append(table)
            continue
        mode = sql.SQL("(FULL, ANALYZE)") if size <= longest_bytes else sql.SQL("(ANALYZE)")
        connection.execute(sql.SQL("VACUUM {} {}").format(mode, name))
    return left


def _tables(connection: psycopg.Connection[Any]) -> dict[str, dict[str, bool]]:
    """Tables that may hold people's rows: column to whether the eraser may delete from the table."""
    rows = connection.execute(statement("tables_of_people"), {"kept_schemas": list(KEPT_SCHEMAS)}).fetchall()
    found: dict[str, dict[str, bool]] = {}
    for table, column, may_delete in rows:
        found.setdefault(table, {})[column] = may_delete
    return found


def _refuse_unerasable(tables: dict[str, dict[str, bool]]) -> None:
    refused = [
        table
        for table, columns in tables.items()
        if table not in _JOURNAL
        and (any(name in columns for name in PERSON_COLUMNS) or table in _OTHER_KEYS)
        and not all(columns.values())
    ]
    if refused:
        raise UnerasableError(
            f"sanctum_eraser lacks its rights on {', '.join(sorted(refused))}: grant it DELETE, and SELECT on the key "
            "columns; on what dbt builds, sanctum build grants them. Nothing was deleted."
        )


def _find_keys(
    connection: psycopg.Connection[Any], keys: Keys, tables: dict[str, dict[str, bool]], messages: Iterable[int]
) -> None:
    query = "SELECT resource_key FROM bronze.resource WHERE person_key = ANY(%s)"
    keys.resources = sorted({*(key for (key,) in connection.execute(query, (keys.people,))), *keys.people})
    for table, columns in tables.items():
        schema, name = table.split(".")
        if schema != "bronze" or name == "resource" or f"{name}_key" not in columns:
            continue
        select = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.Identifier(f"{name}_key"), sql.Identifier(schema, name), _any_of(_conditions(table, columns, keys))
        )
        found = [key for (key,) in connection.execute(select)]
        keys.rows += found
        if name == "location":
            keys.locations = found
    known = (key for (key,) in connection.execute(statement("messages_of_people"), {"people": keys.people}))
    keys.messages = sorted({*known, *messages})


def _conditions(table: str, columns: Collection[str], keys: Keys) -> list[tuple[str, list[int]]]:
    """Column and the person's keys in it, of every column by which a row is the person's."""
    if table in _OTHER_KEYS:
        return [(column, getattr(keys, held)) for column, held in _OTHER_KEYS[table]]
    result = []
    if "person_id" in columns:
        result.append(("person_id", [keys.person_id]))
    result += [(column, keys.people) for column in ("person_key", "hub_key") if column in columns]
    if table.startswith("bronze.") and "resource_key" in columns:
        result.append(("resource_key", keys.resources))
    return result


def _any_of(conditions: Iterable[tuple[str, list[int]]]) -> sql.Composed:
    parts = [
        sql.SQL("{} = ANY({})").format(sql.Identifier(column), sql.Literal(values)) for column, values in conditions
    ]
    return sql.SQL(" OR ").join(parts)


def _delete(connection: psycopg.Connection[Any], table: str, conditions: list[tuple[str, list[int]]]) -> int:
    name = sql.Identifier(*table.split("."))
    return connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(name, _any_of(conditions))).rowcount


def _order(item: tuple[str, Any]) -> tuple[bool, int, str]:
    """What leads to other rows goes last, what refers to a table goes before it."""
    table = item[0]
    return table == "bronze.resource", -len(table), table
