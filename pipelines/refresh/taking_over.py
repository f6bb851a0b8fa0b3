"""Taking over what a refresh made: its persons' rows replace those that the tables have."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from pipelines.refresh.plan import Model, Plan
from pipelines.refresh.statements import statement


def take_over(connection: psycopg.Connection[Any], plan: Plan) -> dict[str, int]:
    """Replace the persons' rows in every table, in the caller's transaction; rows put in, by ``schema.table``.

    Args:
        connection: as TRANSFORM, with the temporary tables of all models.
        plan: the models.
    """
    connection.execute(statement("part_keys"))
    rows = {model.table: _replace(connection, model) for model in plan.models if not model.is_whole}
    connection.execute(statement("finish"))
    seen: set[str] = set()
    for model in plan.models:
        if model.is_whole:
            reads = [read for read in plan.models if read.name in model.reads and read.name not in seen]
            _read_whole(connection, reads)
            seen.update(read.name for read in reads)
            rows[model.table] = _make_whole(connection, model)
    return rows


def _replace(connection: psycopg.Connection[Any], model: Model) -> int:
    columns = _columns(connection, f"pg_temp.{model.name}")
    parts = {
        "table": sql.Identifier(model.schema, model.name),
        "made": sql.Identifier(model.name),
        "columns": _listed(columns),
    }
    if model.by is None:
        return _execute(connection, "add_rows", **parts, same=_same("known", model.adds))
    parts |= {"by": sql.Identifier(model.by), "keys": sql.Identifier(f"part_{model.by}")}
    if model.also:
        held = _columns(connection, ".".join(model.also))
        common = [column for column in columns if column in held]
        copy = {**parts, "table": sql.Identifier(*model.also), "columns": _listed(common), "same": _same("old", common)}
        _execute(connection, "delete_copies", **copy)
        _execute(connection, "insert_copies", **copy)
    _execute(connection, "delete_rows", **parts)
    return _execute(connection, "insert_rows", **parts)


def _read_whole(connection: psycopg.Connection[Any], models: Sequence[Model]) -> None:
    """Put the tables in place of the persons' part of them."""
    for model in models:
        name = sql.Identifier(model.name)
        connection.execute(sql.SQL("DROP TABLE pg_temp.{}").format(name))
        view = sql.SQL("CREATE TEMPORARY VIEW {} AS SELECT * FROM {}")
        connection.execute(view.format(name, sql.Identifier(model.schema, model.name)))


def _make_whole(connection: psycopg.Connection[Any], model: Model) -> int:
    table = sql.Identifier(model.schema, model.name)
    connection.execute(sql.SQL("DELETE FROM {}").format(table))
    parts = {"table": table, "columns": _listed(_columns(connection, model.table))}
    return _execute(connection, "insert_whole", **parts, query=_text(model.query))


def _execute(connection: psycopg.Connection[Any], name: str, **parts: sql.Composable) -> int:
    return connection.execute(_text(statement(name).decode()).format(**parts)).rowcount


def _text(query: Any) -> sql.SQL:
    """A query of a file or of dbt; psycopg's types take literals alone."""
    return sql.SQL(query)


def _columns(connection: psycopg.Connection[Any], table: str) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum",
        (table,),
    ).fetchall()
    return [name for (name,) in rows]


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _same(alias: str, columns: Sequence[str]) -> sql.Composed:
    """That a row of a table has the values of one made."""
    parts = (
        sql.SQL("{} IS NOT DISTINCT FROM {}").format(sql.Identifier(alias, column), sql.Identifier("made", column))
        for column in columns
    )
    return sql.SQL(" AND ").join(parts)
