"""The search for planted texts in a database: every table but those named, and the comments on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from resources.egress.files import Finding
from resources.egress.needles import Needles
from resources.postgres import without_row_values

_TABLES = Path(__file__).parents[1] / "sql" / "tables_with_columns.sql"
_CATALOGUE = ("pg_description", "pg_shdescription", "pg_proc", "pg_rewrite", "pg_attrdef", "pg_seclabel")
"""Where PostgreSQL keeps comments, function bodies, views, defaults and labels."""


@dataclass(frozen=True)
class TablesSwept:
    """What was searched and found.

    Attributes:
        tables: number of tables that must hold no planted text.
        rows: rows in them.
        findings: where one does all the same.
        held: tables that hold planted texts by design, and the kinds found: the control that the search works.
    """

    tables: int
    rows: int
    findings: Sequence[Finding]
    held: Mapping[str, Sequence[str]]


def sweep_tables(
    connection: psycopg.Connection[Any],
    needles: Needles,
    by_design: Sequence[str],
    columns_by_design: Mapping[str, Sequence[str]],
    must_be_empty: str,
) -> TablesSwept:
    """Search every table of a database.

    Args:
        connection: a superuser's, whom no row security stops.
        needles: the planted texts.
        by_design: schemas whose tables hold planted texts by design.
        columns_by_design: ``schema.table`` to columns that do, in tables that otherwise must not.
        must_be_empty: schema whose tables hold no rows, but for those whose name begins with an underscore.

    Raises:
        resources.postgres.DatabaseUnavailableError: a table can't be read.
    """
    findings: list[Finding] = []
    held: dict[str, Sequence[str]] = {}
    tables = rows = 0
    with without_row_values():
        for schema, table, columns in connection.execute(_TABLES.read_bytes()).fetchall():
            name = f"{schema}.{table}"
            exempt = columns if schema in by_design else list(columns_by_design.get(name, ()))
            if exempt and (kinds := _search(connection, needles, schema, table, exempt)[1]):
                held[name] = sorted(kinds)
            rest = [column for column in columns if column not in exempt]
            if not rest:
                continue
            count, kinds = _search(connection, needles, schema, table, rest)
            tables, rows = tables + 1, rows + count
            if kinds:
                findings.append(Finding(name, sorted(kinds)))
            if schema == must_be_empty and count and not table.startswith("_"):
                findings.append(Finding(f"{name} is not empty", [f"{count} rows"]))
        for table in _CATALOGUE:
            count, kinds = _search(connection, needles, "pg_catalog", table, None)
            tables, rows = tables + 1, rows + count
            if kinds:
                findings.append(Finding(f"pg_catalog.{table}", sorted(kinds)))
    return TablesSwept(tables, rows, findings, held)


def _search(
    connection: psycopg.Connection[Any], needles: Needles, schema: str, table: str, columns: Sequence[str] | None
) -> tuple[int, frozenset[str]]:
    """Number of rows, and the kinds of planted text in these columns (None: all)."""
    chosen = sql.SQL("*") if columns is None else sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("SELECT {} FROM {}").format(chosen, sql.Identifier(schema, table))
    found: frozenset[str] = frozenset()
    count = 0
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        text = bytearray()
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as copied:
            for row in copied:
                text += row
                count += 1
        # COPY doubles backslashes, so what is escaped in a JSON column is looked for as it was, too.
        found |= needles.kinds_in(bytes(text)) | needles.kinds_in(bytes(text).replace(rb"\\", b"\\"))
        for value in _bytes_values(cursor, schema, table, columns):
            found |= needles.kinds_in(value)
    return count, found


def _bytes_values(cursor: psycopg.Cursor[Any], schema: str, table: str, columns: Sequence[str] | None) -> list[bytes]:
    """Values of bytea columns, which may be compressed."""
    rows = cursor.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s AND data_type = 'bytea'",
        (schema, table),
    ).fetchall()
    values: list[bytes] = []
    for (column,) in rows:
        if columns is None or column in columns:
            query = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(schema, table))
            values += [value for (value,) in cursor.execute(query).fetchall() if value is not None]
    return values
