"""Roles × tables × actions, each cell tried by logging in as the role.

Actions are tried on no row, so that nothing changes: the right is checked before the rows are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from resources.postgres import Database, Role

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "access_matrix.md"
ROLES = tuple(role for role in Role if role is not Role.OWNER)
_LEFT_OUT = ("pg_catalog", "information_schema", "dagster", "bronze_staging", "public")
_HEADING = """\
# Who may do what

Written by `pytest tests/boundary/test_matrix.py --write-matrix`; without that option the test logs in as each role,
tries every cell and compares. `r` reads, `i` inserts, `u` updates, each with all columns, in brackets with some only;
`d` deletes, `t` truncates. `*`: row-level security decides which rows, and without a ticket there are none. A dot:
nothing. Audit events, tickets, claims, consents and emergency access are written by functions of the database, which
run as the migration owner and check who calls: no role has the right to write those tables.

The migration owner owns every table but dbt's and is no service. `dagster.*` belongs to `sanctum_dagster`, and
`bronze_staging.*`, which is empty between loads, to `sanctum_ingest`; no other role reaches either.

"""


@dataclass(frozen=True)
class Table:
    """One table with its columns."""

    schema: str
    name: str
    columns: tuple[str, ...]
    writable: tuple[str, ...]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def tables(superuser: psycopg.Connection) -> list[Table]:
    """Tables and views of every schema that services reach."""
    rows = superuser.execute(
        "SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum), "
        "array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attidentity <> 'a') FROM pg_class AS c "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid "
        "WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped "
        "AND n.nspname <> ALL(%s) AND NOT starts_with(n.nspname, 'pg_') GROUP BY 1, 2 ORDER BY 1, 2",
        (list(_LEFT_OUT),),
    ).fetchall()
    # A column that the server alone numbers is refused before the right is looked at.
    return [
        Table(schema, name, tuple(columns), tuple(writable))
        for schema, name, columns, writable in rows
        if name != "alembic_version"
    ]


def cell(connection: psycopg.Connection, table: Table) -> str:
    """What the connection's role may do with a table."""
    parts = [
        _by_column(connection, table, table.columns, "r", "SELECT {column} FROM {table} LIMIT 0"),
        _by_column(connection, table, table.writable, "i", "INSERT INTO {table} ({column}) SELECT NULL WHERE false"),
        _by_column(connection, table, table.writable, "u", "UPDATE {table} SET {column} = NULL WHERE false"),
        _may(connection, "DELETE FROM {table} WHERE false", table, "d"),
        _may(connection, "TRUNCATE {table}", table, "t"),
    ]
    found = "".join(parts)
    if found and "r" in found and not _sees_rows_without_ticket(connection, table):
        found += "*"
    return found or "·"


def _by_column(
    connection: psycopg.Connection, table: Table, columns: tuple[str, ...], letter: str, statement: str
) -> str:
    allowed = [_tried(connection, statement, table, column) for column in columns]
    if all(allowed):
        return letter
    return f"({letter})" if any(allowed) else ""


def _may(connection: psycopg.Connection, statement: str, table: Table, letter: str) -> str:
    return letter if _tried(connection, statement, table) else ""


def _tried(connection: psycopg.Connection, statement: str, table: Table, column: str = "") -> bool:
    """Whether the server lets the role try; whatever else is wrong with the statement shows only after that."""
    query = sql.SQL(statement).format(table=table.identifier, column=sql.Identifier(column or "x"))
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(query)
    except psycopg.errors.InsufficientPrivilege as error:
        # Row-level security refuses rows, not the action.
        return "row-level security" in str(error)
    except psycopg.Error:
        return True
    return True


def _sees_rows_without_ticket(connection: psycopg.Connection, table: Table) -> bool:
    """Whether a policy shows this role all rows, or none is in force."""
    row = connection.execute(
        "SELECT NOT c.relrowsecurity OR EXISTS (SELECT FROM pg_policies AS p WHERE p.schemaname = %(schema)s "
        "AND p.tablename = %(name)s AND p.cmd IN ('ALL', 'SELECT') AND p.qual = 'true' "
        "AND current_user = ANY(p.roles)) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %(schema)s AND c.relname = %(name)s",
        {"schema": table.schema, "name": table.name},
    ).fetchone()
    return bool(row and row[0])


def lines(database: Database, found: list[Table]) -> Iterator[str]:
    """The document."""
    names = [role.value.removeprefix("sanctum_") for role in ROLES]
    cells: dict[Table, list[str]] = {table: [] for table in found}
    for role in ROLES:
        with database.connect(role) as connection:
            for table in found:
                cells[table].append(cell(connection, table))
    yield from _HEADING.splitlines()
    for schema in dict.fromkeys(table.schema for table in found):
        yield from (f"## {schema}", "", f"| table | {' | '.join(names)} |", f"|---|{'---|' * len(names)}")
        yield from (f"| {table.name} | {' | '.join(row)} |" for table, row in cells.items() if table.schema == schema)
        yield ""


def document(database: Database, superuser: psycopg.Connection) -> str:
    """The matrix as docs/access_matrix.md has it."""
    return "\n".join(lines(database, tables(superuser))).rstrip() + "\n"
