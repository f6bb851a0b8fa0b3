"""Tracing rows of every table of omop in a built warehouse, and comparing what is found with what went in."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pipelines import lineage
from pipelines.keys import resource_key
from pipelines.lineage.rows import COMPUTED, NotTraceableError, key_column
from resources.identity import Identity
from resources.postgres import Database, Role
from resources.settings import Settings

ROWS_EACH = 4
EVENTS = (
    "visit_occurrence", "condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure",
    "measurement", "observation", "note",
)  # fmt: skip


def walk(
    settings: Settings,
    db: Database,
    reader: Identity,
    resources: Iterable[Mapping[str, Any]],
    messages: Iterable[bytes] = (),
) -> dict[str, int]:
    """Trace rows of every table of omop; how many were traced of each that has rows.

    Every source has to be a record that went in, whole, and the record by whose key the row was made is among them.
    """
    went_in = {(r["resourceType"], r["id"]): json.loads(json.dumps(r)) for r in resources}
    bodies = set(messages)
    traced: dict[str, int] = {}
    for table, ids in _rows(db).items():
        name = f"omop.{table}"
        if name in COMPUTED:
            with pytest.raises(NotTraceableError):
                lineage.trace(settings, db, reader, name, 1)
            continue
        for row_id in ids:
            found = lineage.trace(settings, db, reader, table, row_id, content=True)
            keys = set()
            for source in found.sources:
                if isinstance(source.content, bytes):
                    assert source.content in bodies
                    continue
                assert source.content is not None, (name, row_id)
                kind, name_of_record = source.about["record_type"], source.about["record_id"]
                assert source.content == went_in[kind, name_of_record]
                keys.add(resource_key(source.about["source_system"], kind, name_of_record))
            owner = _owner(db, table, row_id)
            assert owner is None or owner in keys or any(isinstance(s.content, bytes) for s in found.sources)
            traced[table] = traced.get(table, 0) + 1
    return traced


def _rows(db: Database) -> dict[str, list[int]]:
    """Keys of some rows of every table."""
    found: dict[str, list[int]] = {}
    with db.connect(Role.TRANSFORM) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'omop' ORDER BY 1").fetchall()
        seeds = {"source_to_concept_map", "code_system"}
        for (table,) in tables:
            if table in seeds:
                continue
            found[table] = []
            if f"omop.{table}" not in COMPUTED:
                key = key_column(f"omop.{table}")
                query = f"SELECT {key} FROM omop.{table} ORDER BY md5({key}::text) LIMIT {ROWS_EACH}"
                found[table] = [row_id for (row_id,) in connection.execute(query.encode())]
    return found


def _owner(db: Database, table: str, row_id: int) -> int | None:
    """Of an event, the record that dbt made it of."""
    if table not in EVENTS:
        return None
    with db.connect(Role.TRANSFORM) as connection:
        query = "SELECT resource_key FROM omop.event_source WHERE cdm_table = %s AND cdm_id = %s"
        row = connection.execute(query, (table, row_id)).fetchone()
    assert row is not None
    return int(row[0])
