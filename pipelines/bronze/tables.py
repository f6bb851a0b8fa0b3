"""Bronze tables as the migrations made them, and rows for them as Arrow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, cast

import orjson
import psycopg
import pyarrow as pa

from pipelines.bronze.errors import BronzeLoadError

BATCH_NUMBER = "batch_number"
"""Staging-only column: which batch a row came in, so that rows stay with their version of the resource."""

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
        """Columns of the staged form: JSON as text, numbers as doubles."""
        return pa.schema([pa.field(column.name, _ARROW_TYPES[column.type]) for column in self.columns])

    def arrow(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Rows in the staged form; a column that a row lacks is null.

        Raises:
            BronzeLoadError: a value is none of its column.
        """
        columns = [self._column(column, [row.get(column.name) for row in rows]) for column in self.columns]
        return pa.Table.from_arrays(columns, schema=self.arrow_schema)

    def _column(self, column: Column, values: list[Any]) -> pa.Array:
        if column.type == "jsonb":
            values = [None if value is None else orjson.dumps(value).decode() for value in values]
        try:
            return pa.array(values, _ARROW_TYPES[column.type])
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            # Arrow's text has the value in it.
            raise BronzeLoadError(f"a row has a value that bronze.{self.name}.{column.name} can't hold") from None


def bronze_tables(connection: psycopg.Connection[Any]) -> dict[str, BronzeTable]:
    """Every bronze table that loads fill with its columns, without those the database fills itself."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type, column_default FROM information_schema.columns "
        "WHERE table_schema = 'bronze' AND table_name <> 'superseded_row' "
        "AND column_name <> ALL('{changed_at,changed_by,known_from}') "
        "ORDER BY table_name, ordinal_position"
    ).fetchall()
    columns: dict[str, list[Column]] = {}
    for table, column, kind, default in rows:
        columns.setdefault(table, []).append(
            Column(column, cast(LiteralString, kind), cast("LiteralString | None", default))
        )
    return {name: BronzeTable(name, tuple(found)) for name, found in columns.items()}
