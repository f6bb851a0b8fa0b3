"""All that a build makes, to be compared."""

from collections import Counter
from typing import Any

from psycopg import sql

from resources.postgres import Database
from tests.conftest import superuser

_COPIES = ("access.sensitive_row", "access.person_scope", "access.scope_name", "access.consent")
_OF_THE_BUILD = ("int_label_snapshot", "int_published_snapshot")
"""They say when a build of everybody read labels."""
ONLY_GROW = ("omop_intermediate.int_code", "omop_intermediate.int_unit")
"""A code or unit that nobody has any more stays until a build of everybody."""
_COLUMNS_LEFT_OUT = {"omop_intermediate.int_shared_identifier": ("hub_key",)}
"""Which of those who share a placeholder is the hub decides nothing."""


def content(warehouse: Database) -> dict[str, Counter[tuple[Any, ...]]]:
    """Rows of every table that dbt makes, and of those of ``access`` that are their copies."""
    with superuser(warehouse, str(dict(warehouse.parameters)["dbname"])) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema IN ('omop', 'omop_intermediate', 'features', 'measures') AND table_type = 'BASE TABLE'"
        ).fetchall()
        tables = [f"{schema}.{name}" for schema, name in names if name not in _OF_THE_BUILD] + list(_COPIES)
        found = {}
        for table in tables:
            dropped = _COLUMNS_LEFT_OUT.get(table, ())
            rows = connection.execute(
                sql.SQL("SELECT to_jsonb(t) - %s::text[] FROM {} AS t").format(sql.Identifier(*table.split("."))),
                (list(dropped),),
            ).fetchall()
            found[table] = Counter(repr(sorted(row.items(), key=str)) for (row,) in rows)
    return found


def differences(refreshed: dict[str, Counter[Any]], built: dict[str, Counter[Any]]) -> dict[str, Any]:
    """Per table what a refresh left that a build has not, and what it lacks."""
    result = {}
    for table in refreshed.keys() | built.keys():
        left = refreshed.get(table, Counter()) - built.get(table, Counter())
        lacking = built.get(table, Counter()) - refreshed.get(table, Counter())
        if table in ONLY_GROW:
            left = Counter()
        if left or lacking:
            result[table] = {"left": sorted(left)[:3], "lacking": sorted(lacking)[:3]}
    return result
