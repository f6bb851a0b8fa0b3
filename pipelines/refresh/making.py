"""Making the rows of a refresh's persons beside the tables, and taking them over."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from pipelines.refresh.plan import Model, Plan
from pipelines.refresh.statements import statement

_Columns = Mapping[str, bool]
"""Names in order, and whether each is never null."""


def make_rows(connection: psycopg.Connection[Any], plan: Plan) -> None:
    """Run every model over the copies of bronze: a temporary table each, as the table it is for, and the persons' keys.

    Raises:
        psycopg.Error: a row does not fit its table.
    """
    for model in plan.models:
        if not model.is_whole:
            made = sql.Identifier(model.name)
            like = sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {})").format(made, _table(model))
            connection.execute(like)
            _make(connection, model, sql.Identifier("pg_temp", model.name))
            connection.execute(sql.SQL("ANALYZE pg_temp.{}").format(made))
    connection.execute(statement("part_keys"))


def are_named_by_others(connection: psycopg.Connection[Any]) -> bool:
    """Whether labels changed of a record that the record of somebody else names, after ``make_rows``."""
    row = connection.execute(statement("named_by_others")).fetchone()
    return row is not None and bool(row[0])


def take_over(connection: psycopg.Connection[Any], plan: Plan) -> dict[str, int]:
    """Make the persons' rows in every table those that were made, in the caller's transaction.

    A row that is as it was stays.

    Args:
        connection: as TRANSFORM, after ``make_rows``.
        plan: the models.

    Returns:
        rows put in, by ``schema.table``.
    """
    rows = {model.table: _replace(connection, model) for model in plan.models if not model.is_whole}
    for model in plan.models:
        if model.after:
            connection.execute(statement(f"after_{model.after}"))
    connection.execute(statement("finish"))
    seen: set[str] = set()
    for model in plan.models:
        if model.is_whole:
            reads = [read for read in plan.models if read.name in model.reads and read.name not in seen]
            _read_whole(connection, reads)
            seen.update(read.name for read in reads)
            connection.execute(sql.SQL("DELETE FROM {}").format(_table(model)))
            rows[model.table] = _make(connection, model, _table(model))
    return rows


def _replace(connection: psycopg.Connection[Any], model: Model) -> int:
    parts: dict[str, sql.Composable] = {"table": _table(model), "made": sql.Identifier(model.name)}
    if model.by is None:
        return _execute(connection, "add_rows", **parts, same=_same("known", dict.fromkeys(model.adds, True)))
    parts |= {"by": sql.Identifier(model.by), "keys": sql.Identifier(f"part_{model.by}")}
    if model.also:
        held, made = _columns(connection, ".".join(model.also)), _columns(connection, model.table)
        common = {name: is_never_null for name, is_never_null in held.items() if name in made}
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
        connection.execute(sql.SQL("CREATE TEMPORARY VIEW {} AS SELECT * FROM {}").format(name, _table(model)))


def _make(connection: psycopg.Connection[Any], model: Model, target: sql.Identifier) -> int:
    columns = _listed(_columns(connection, model.table))
    return _execute(connection, "make", table=target, columns=columns, query=_text(model.query))


def _table(model: Model) -> sql.Identifier:
    return sql.Identifier(model.schema, model.name)


def _execute(connection: psycopg.Connection[Any], name: str, **parts: sql.Composable) -> int:
    return connection.execute(_text(statement(name).decode()).format(**parts)).rowcount


def _text(query: Any) -> sql.SQL:
    """A query of a file or of dbt; psycopg's types take literals alone."""
    return sql.SQL(query)


def _columns(connection: psycopg.Connection[Any], table: str) -> dict[str, bool]:
    rows = connection.execute(
        "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped ORDER BY attnum",
        (table,),
    ).fetchall()
    return dict(rows)


def _listed(columns: _Columns) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _same(alias: str, columns: _Columns) -> sql.Composed:
    """That a row of a table has the values of one made; equality of what is never null can be hashed."""
    parts = (
        sql.SQL("{} = {}" if is_never_null else "{} IS NOT DISTINCT FROM {}").format(
            sql.Identifier(alias, name), sql.Identifier("made", name)
        )
        for name, is_never_null in columns.items()
    )
    return sql.SQL(" AND ").join(parts)
