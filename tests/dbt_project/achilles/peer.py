"""The analyses by duckcdm, which has Achilles' own SQL, on a copy of omop and the vocabulary in DuckDB."""

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from benchmarks import peers
from tests.dbt_project.achilles.result import Result, result

VOCABULARY = (
    "concept",
    "concept_ancestor",
    "concept_class",
    "concept_relationship",
    "concept_synonym",
    "domain",
    "drug_strength",
    "relationship",
    "source_to_concept_map",
    "vocabulary",
)
_SECONDS = 300.0
_COLUMNS: LiteralString = """
SELECT
    attname,
    -- In DuckDB, a numeric without a precision would keep three decimals.
    CASE format_type(atttypid, atttypmod) WHEN 'numeric' THEN 'double' ELSE format_type(atttypid, atttypmod) END,
    attnotnull
FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


@dataclass(frozen=True)
class Answers:
    """What duckcdm made of a CDM.

    Attributes:
        available: analyses that it has.
        failed: those that failed, with the reason.
        results: what each of the others gives.
        concepts: records of each concept and of its descendants, then persons of each.
    """

    available: list[int]
    failed: list[Any]
    results: dict[int, list[Result]]
    concepts: dict[int, tuple[int, int, int, int]]


def answers(python: Path, connection: psycopg.Connection, tables: Iterable[str]) -> Answers:
    """Copy the CDM into a folder that nobody else reads, let duckcdm analyse it, and remove the folder.

    Args:
        python: the interpreter of duckcdm's environment.
        connection: of a role that reads all of omop and the vocabulary.
        tables: those of omop.

    Raises:
        benchmarks.peers.PeerUnavailableError: it ended before it answered.
    """
    with tempfile.TemporaryDirectory(prefix="omop-") as folder:
        hand_over(connection, tables, Path(folder))
        answer = peers.drive(python, "duckcdm", [folder], _SECONDS)
    results: dict[int, list[Result]] = defaultdict(list)
    for number, *strata, count in answer["achilles_results"]:
        # The first of all says its version and the day of its run too.
        results[number].append(result(strata[:1] if number == 0 else strata, count))
    for number, one, two, three, four, five, count, *numbers in answer["achilles_results_dist"]:
        results[number].append(result((one, two, three, four, five), count, numbers))
    concepts = {int(number): tuple(counts) for number, *counts in answer["achilles_result_concept_count"]}
    return Answers(
        answer["available"], answer["failed"], {number: results[number] for number in answer["finished"]}, concepts
    )


def hand_over(connection: psycopg.Connection, tables: Iterable[str], folder: Path) -> None:
    """Write the tables of omop and the vocabulary with the names and types they have, and all their rows."""
    statements = ["CREATE SCHEMA omop", "CREATE SCHEMA vocab"]
    for schema, table in [*(("omop", name) for name in tables), *(("vocab", name) for name in VOCABULARY)]:
        found = connection.execute(_COLUMNS, (f"{schema}.{table}",)).fetchall()
        columns = ", ".join(f'"{name}" {kind}{" NOT NULL" if required else ""}' for name, kind, required in found)
        statements.append(f"CREATE TABLE {schema}.{table} ({columns})")
        query = sql.SQL("COPY {} TO STDOUT (FORMAT csv, HEADER, NULL '\\N')").format(sql.Identifier(schema, table))
        with connection.cursor().copy(query) as rows, (folder / f"{schema}.{table}.csv").open("wb") as file:
            for block in rows:
                file.write(block)
    (folder / "tables.sql").write_text(";\n".join(statements) + ";\n")
