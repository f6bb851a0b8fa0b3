"""The analyses on schema omop itself: Achilles' SQL as duckcdm's SqlRender writes it for PostgreSQL.

A role runs it that may read alone. It is made by the statements of ``docs/ohdsi.md``, by which a hospital's
administrator makes one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from benchmarks import peers
from resources.postgres import Database
from tests.conftest import superuser
from tests.dbt_project.achilles.result import Result, result

ROLE, SCHEMA = "hospital_ohdsi", "achilles"
_PAGE = Path(__file__).resolve().parents[3] / "docs" / "ohdsi.md"
_SECONDS = 120.0
_NUMBERS = tuple(f"{name}_value" for name in ("min", "max", "avg", "stdev", "median", "p10", "p25", "p75", "p90"))


@contextmanager
def role(server: Database, name: str) -> Iterator[None]:
    """The role of the page in one database, until the end.

    Args:
        server: the tests' server.
        name: the database, in place of the page's.
    """
    statements = re.findall(r"```sql\n(.*?)```", _PAGE.read_text(), re.DOTALL)[0]
    with superuser(server, name) as connection:
        connection.execute(statements.replace("DATABASE sanctum ", f"DATABASE {name} "))
        try:
            yield
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE; DROP OWNED BY {ROLE}; DROP ROLE {ROLE}".encode())


def answers(python: Path, connection: psycopg.Connection) -> dict[int, list[Result]]:
    """What each analysis leaves in the schema of results.

    Args:
        python: the interpreter of duckcdm's environment.
        connection: of the role.

    Raises:
        psycopg.Error: PostgreSQL refuses a statement.
    """
    written = peers.drive(python, "duckcdm-postgresql", ["omop", SCHEMA], _SECONDS)
    for statements in written.values():
        for statement in statements:
            connection.execute(statement)
    made = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [SCHEMA])}
    found: dict[int, list[Result]] = {int(number): [] for number in written}
    for name in sorted(made):
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(SCHEMA, name))).fetchall()
        for row in rows:
            number = row["analysis_id"]
            # The first of all says its version and the day of its run too.
            strata = [row[f"stratum_{place}"] for place in range(1, 2 if number == 0 else 6)]
            numbers = [row[of] for of in _NUMBERS] if _NUMBERS[0] in row else None
            found[number].append(result(strata, row["count_value"], numbers and map(_number, numbers)))
    return found


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
