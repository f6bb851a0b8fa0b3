"""One load of bronze rows: staged by dlt, merged in one transaction."""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from pipelines.bronze.errors import BronzeLoadError
from pipelines.bronze.tables import BATCH_NUMBER, BronzeTable, bronze_tables
from resources import locks
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

Batch = Mapping[str, Sequence[Mapping[str, Any]] | pa.Table]
"""Rows by bronze table, or what ``BronzeTable.arrow`` made of them.

It holds a ``resource`` row for every ``resource_key`` in it, each once.
"""

_SQL = Path(__file__).parent / "sql"
_KEPT = ("condition_occurrence", "drug_exposure", "measurement", "person", "visit_occurrence")
"""Tables whose superseded rows are kept: those that features as of a day are made of."""


@dataclass(frozen=True)
class BronzeChange:
    """What a load changed.

    Attributes:
        resources_applied: resources whose rows were replaced, added or withdrawn.
        resources_older: staged resources that bronze already has in a newer version.
        rows: inserted rows by table.
    """

    resources_applied: int
    resources_older: int
    rows: dict[str, int]


def load(
    settings: Settings,
    database: Database,
    batches: Iterable[Batch],
    finish: Callable[[psycopg.Connection[Any]], None],
) -> BronzeChange:
    """Stage all batches, then replace in one transaction what each staged resource owned.

    A resource replaces the one bronze has unless that has a greater ``version_order``; where either has none it
    replaces. Of one resource in several batches the greatest counts, of equal ones the last. A ``resource`` row whose
    outcome is not ``loaded`` withdraws the rows the resource owned. What another version replaces or withdraws goes on
    in ``bronze.superseded_row``, as far as features are made of it. An empty text is absent: it becomes null, or the
    column's default. Loads wait for each other.

    Args:
        settings: where dlt works; its directory is emptied before and after.
        database: the warehouse.
        batches: consumed once, in order, while they are staged.
        finish: called in the merge's transaction after the rows are in, to write accounts; an exception it raises
            undoes the load.

    Raises:
        BronzeLoadError: staging failed, or a batch breaks the rules above.
        Exception: whatever ``batches`` or ``finish`` raised, as it was.
        resources.postgres.DatabaseUnavailableError: the database refused, or its disk is full.
    """
    # Worker processes import this package for its tables, and dlt takes them a second.
    from pipelines.bronze.staging import stage

    with without_row_values(), _one_load_at_a_time(database) as connection:
        tables = bronze_tables(connection)
        empty_staging(connection)
        connection.commit()
        working_directory = settings.dlt_directory / "bronze"
        shutil.rmtree(working_directory, ignore_errors=True)
        try:
            stage(database, working_directory, _checked(batches, tables))
            change = _merge(connection, tables)
            finish(connection)
            empty_staging(connection)
            connection.commit()
        finally:
            # Load packages hold rows in the clear: they never outlive the load.
            shutil.rmtree(working_directory, ignore_errors=True)
    return change


@contextlib.contextmanager
def _one_load_at_a_time(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect(Role.INGEST) as connection:
        locks.hold(connection, locks.LOAD)
        connection.commit()
        yield connection


def _checked(batches: Iterable[Batch], tables: Mapping[str, BronzeTable]) -> Iterator[Mapping[str, pa.Table]]:
    for batch in batches:
        unknown = batch.keys() - tables.keys()
        if unknown:
            raise BronzeLoadError(f"batch has rows for tables that bronze lacks: {', '.join(sorted(unknown))}")
        arrow = {name: rows if isinstance(rows, pa.Table) else tables[name].arrow(rows) for name, rows in batch.items()}
        owners = arrow["resource"]["resource_key"] if "resource" in arrow else pa.chunked_array([], pa.int64())
        if pc.count_distinct(owners).as_py() < len(owners):
            raise BronzeLoadError("batch names a resource twice: keep its newest version only")
        for name, rows in arrow.items():
            if not pc.all(pc.is_in(rows["resource_key"], value_set=owners.combine_chunks()), min_count=0).as_py():
                raise BronzeLoadError(f"batch has bronze.{name} rows without the resource that owns them")
        yield arrow


def empty_staging(connection: psycopg.Connection[Any]) -> None:
    """Remove staged rows, as INGEST, in the caller's transaction; a load that died leaves some until the next."""
    names = connection.execute(
        "SELECT table_name FROM information_schema.tables "
        r"WHERE table_schema = 'bronze_staging' AND table_name NOT LIKE '\_dlt%'"
    ).fetchall()
    if names:
        targets = sql.SQL(", ").join(sql.Identifier("bronze_staging", name) for (name,) in names)
        connection.execute(sql.SQL("TRUNCATE {}").format(targets))


def withdraw(
    connection: psycopg.Connection[Any], person_keys: Iterable[int], resource_keys: Iterable[int] = ()
) -> None:
    """Remove every row of these source persons and of these resources, as INGEST, in the caller's transaction."""
    keys = {"person_keys": sorted(person_keys), "resource_keys": sorted(resource_keys)}
    # By what bronze.resource says of persons, which goes last.
    connection.execute(_statement("withdraw_superseded.sql"), keys)
    for name in sorted(bronze_tables(connection), key=lambda table: table == "resource"):
        connection.execute(_statement("withdraw.sql", table=sql.Identifier("bronze", name)), keys)


def _merge(connection: psycopg.Connection[Any], tables: Mapping[str, BronzeTable]) -> BronzeChange:
    staged = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'bronze_staging'"
        )
    }
    if "resource" not in staged:
        return BronzeChange(0, 0, {})
    connection.execute(_statement("choose.sql"))
    connection.execute("ANALYZE applied")
    for name in _KEPT:
        connection.execute(_statement("set_aside.sql", **_parts(name)))
    found = connection.execute("SELECT count(*) FILTER (WHERE newer), count(*) FROM applied").fetchone() or (0, 0)
    rows = {}
    for name, table in tables.items():
        if name == "resource":
            continue
        connection.execute(_statement("delete.sql", table=sql.Identifier("bronze", name)))
        if name in staged:
            inserted = connection.execute(_insert(table)).rowcount
            if inserted:
                rows[name] = inserted
    for name in _KEPT:
        connection.execute(_statement("keep_superseded.sql", **_parts(name)))
    connection.execute(_statement("upsert_resource.sql"))
    return BronzeChange(found[0], found[1] - found[0], rows)


def _parts(name: str) -> dict[str, sql.Composable]:
    """What a statement about one table with superseded rows names."""
    return {
        "table": sql.Identifier("bronze", name),
        "key": sql.Identifier(f"{name}_key"),
        "former": sql.Identifier(f"former_{name}"),
        "name": sql.Literal(name),
    }


def _insert(table: BronzeTable) -> sql.Composed:
    columns = [sql.Identifier(column.name) for column in table.columns]
    values = [
        sql.SQL("coalesce(staged.{}::{}, {})").format(
            sql.Identifier(column.name), sql.SQL(column.type), sql.SQL(column.default or "NULL")
        )
        for column in table.columns
    ]
    return _statement(
        "insert.sql",
        target=sql.Identifier("bronze", table.name),
        source=sql.Identifier("bronze_staging", table.name),
        columns=sql.SQL(", ").join(columns),
        values=sql.SQL(", ").join(values),
        batch_number=sql.Identifier(BATCH_NUMBER),
    )


def _statement(file: str, **parts: sql.Composable) -> sql.Composed:
    text: Any = (_SQL / file).read_text()
    return sql.SQL(text).format(**parts)
