"""Bringing batches to ``bronze_staging`` with dlt: Arrow in, COPY out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, cast

import dlt
import orjson
import psycopg
import pyarrow as pa
from dlt.pipeline.exceptions import PipelineStepFailed

from resources.postgres import Database, Role

BATCH_NUMBER = "batch_number"
"""Staging-only column: which batch a row came in, so that rows stay with their version of the resource."""

_ROWS_PER_ARROW_TABLE = 50_000

_ARROW_TYPES: Mapping[str, pa.DataType] = {
    "bigint": pa.int64(),
    "integer": pa.int64(),
    "text": pa.string(),
    "jsonb": pa.string(),
    "boolean": pa.bool_(),
    "numeric": pa.float64(),
    "date": pa.date32(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}


class BronzeLoadError(RuntimeError):
    """A load failed and bronze is as it was; the text carries no row values."""


@dataclass(frozen=True)
class Column:
    """A bronze column; ``type`` and ``default`` are PostgreSQL's own words for them."""

    name: str
    type: LiteralString
    default: LiteralString | None


@dataclass(frozen=True)
class BronzeTable:
    """A bronze table as the migrations made it."""

    name: str
    columns: tuple[Column, ...]

    @property
    def arrow_schema(self) -> pa.Schema:
        """Columns of the staged form: JSON as text, numbers as doubles, and the batch number."""
        fields = [pa.field(column.name, _ARROW_TYPES[column.type]) for column in self.columns]
        return pa.schema([*fields, pa.field(BATCH_NUMBER, pa.int64())])


def bronze_tables(connection: psycopg.Connection[Any]) -> dict[str, BronzeTable]:
    """Every bronze table with its columns, without those the database fills itself."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type, column_default FROM information_schema.columns "
        "WHERE table_schema = 'bronze' AND column_name <> 'changed_at' ORDER BY table_name, ordinal_position"
    ).fetchall()
    columns: dict[str, list[Column]] = {}
    for table, column, kind, default in rows:
        columns.setdefault(table, []).append(
            Column(column, cast(LiteralString, kind), cast("LiteralString | None", default))
        )
    return {name: BronzeTable(name, tuple(found)) for name, found in columns.items()}


def stage(
    database: Database, working_directory: Path, tables: Mapping[str, BronzeTable], batches: Iterable[Mapping[str, Any]]
) -> None:
    """Append all batches to ``bronze_staging``.

    Raises:
        BronzeLoadError: dlt could not load; the text names the step, never values.
        Exception: whatever ``batches`` raised, as it was.
    """
    source_errors: list[Exception] = []

    def rows() -> Iterator[Any]:
        try:
            for name, arrow in _arrow_tables(batches, tables):
                yield dlt.mark.with_table_name(arrow, name)
        except Exception as error:
            source_errors.append(error)
            raise

    _configure()
    pipeline = dlt.pipeline(
        pipeline_name="bronze",
        pipelines_dir=str(working_directory),
        destination=dlt.destinations.postgres(database.url(Role.INGEST)),
        dataset_name="bronze_staging",
    )
    try:
        pipeline.run(dlt.resource(rows, name="bronze", write_disposition="append"), loader_file_format="csv")
    except PipelineStepFailed as error:
        if source_errors:
            raise source_errors[0] from None
        cause = error.__cause__ or error
        raise BronzeLoadError(
            f"dlt failed at step '{error.step}' ({type(cause).__name__}); nothing was loaded. "
            "Check the free space of the disk and of the database, then run again."
        ) from None


def _configure() -> None:
    dlt.config["runtime.log_level"] = "CRITICAL"
    dlt.config["load.delete_completed_jobs"] = True
    dlt.config["load.raise_on_failed_jobs"] = True
    dlt.config["load.workers"] = 2
    dlt.config["restore_from_destination"] = False


def _arrow_tables(
    batches: Iterable[Mapping[str, Sequence[Mapping[str, Any]]]], tables: Mapping[str, BronzeTable]
) -> Iterator[tuple[str, pa.Table]]:
    """Rows gathered to large Arrow tables: dlt's cost is per table it is handed."""
    waiting: dict[str, list[dict[str, Any]]] = {}
    for number, batch in enumerate(batches):
        for name, rows in batch.items():
            gathered = waiting.setdefault(name, [])
            gathered.extend({**row, BATCH_NUMBER: number} for row in rows)
            if len(gathered) >= _ROWS_PER_ARROW_TABLE:
                yield name, _arrow(gathered, tables[name])
                waiting[name] = []
    for name, gathered in waiting.items():
        if gathered:
            yield name, _arrow(gathered, tables[name])


def _arrow(rows: Sequence[dict[str, Any]], table: BronzeTable) -> pa.Table:
    for column in table.columns:
        if column.type == "jsonb":
            for row in rows:
                value = row.get(column.name)
                if value is not None:
                    row[column.name] = orjson.dumps(value).decode()
    return pa.Table.from_pylist(rows, schema=table.arrow_schema)
