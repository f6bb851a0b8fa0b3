"""Bronze to the conformed CDM: what ``dbt build`` of it costs against a bare hash join of the same rows, at two sizes.

The bound makes each large table of schema ``omop`` in one statement: it reads every record of bronze, joins it by hash
to its code's concept, and writes a row with all of the table's columns, as wide as ours. Its tables are logged, as
those of ``omop`` are, have neither keys nor indexes nor statistics, and are filled by CREATE TABLE AS, over whose joins
PostgreSQL puts its own parallel workers. The mapping table it joins is our own, of every list of codings once and
ready made, so that no JSON is taken apart. What makes rows right is left out: who a person is, whose visit a record
belongs to, which table its concept belongs in, units and values, which line of a claim speaks, labels, the account.

A second bound runs as many of its statements at a time as dbt runs models.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from benchmarks.fhir import source_files
from benchmarks.loading import load
from benchmarks.model_times import model_seconds
from benchmarks.population import repeat
from benchmarks.table import ScaleTable, Table
from pipelines.vocabulary import ensure_starter, load_vocabulary
from resources import dbt
from resources.postgres import Database, Role
from resources.settings import Settings

COPIES = 10
"""How often the larger population is the smaller one, unless another number is asked for."""
MODELS = ("path:models/omop", "path:seeds/omop")
_VOCABULARY = Path(__file__).resolve().parents[2] / "shared" / "data" / "vocabulary"
_QUERIES = Path(__file__).parent / "sql" / "omop_bound"
_SCHEMA = "omop_bound"
_SLOWEST = 12
_BARE = "-c enable_nestloop=off -c enable_mergejoin=off"


@dataclass(frozen=True)
class Figures:
    """Of one population: rows and seconds of the build and of both bounds, and seconds of each model, longest first."""

    patients: int
    rows: int
    seconds: float
    bound_rows: int
    bound_seconds: float
    parallel_bound_seconds: float
    models: tuple[tuple[str, float], ...]


def run(settings: Settings, database: Database, copies: int = COPIES) -> Iterator[Table | ScaleTable]:
    """Load a population once and repeated, build each, and compare both with their bounds."""
    if _VOCABULARY.is_dir():
        load_vocabulary(database, _VOCABULARY)
    else:
        ensure_starter(database)
    found = []
    for times in (max(1, copies // 10), copies):
        population = repeat(source_files(settings), settings.home / f"repeated-{times}", times)
        # Under one name: the second load is of everybody in the first, and of the others.
        load(settings, population.directory, "structural", settings.source_system)
        shutil.rmtree(population.directory)
        found.append(measure(settings, database))
    small, large = found
    yield _against_bound(settings, large)
    yield _slowest(large)
    yield _scale(small, large)


def measure(settings: Settings, database: Database) -> Figures:
    """Build a home whose bronze is loaded, then make the bounds of the same bronze."""
    began = time.perf_counter()
    dbt.build(settings, database, select=MODELS, tests=False)
    seconds = time.perf_counter() - began
    names = [path.stem for path in queries()]
    bound_rows, bound_seconds = bound(database, 1)
    _rows, parallel_bound_seconds = bound(database, settings.workers)
    return Figures(
        patients=_count(database, "person"),
        rows=sum(_count(database, name) for name in names),
        seconds=seconds,
        bound_rows=bound_rows,
        bound_seconds=bound_seconds,
        parallel_bound_seconds=parallel_bound_seconds,
        models=model_seconds(settings),
    )


def bound(database: Database, at_a_time: int) -> tuple[int, float]:
    """Rows written and seconds taken by the bare joins, so many statements at a time, the longest first.

    The tables are removed again. ``omop`` must have been built: its mapping of codes is read.
    """
    with database.connect(Role.OWNER, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_SCHEMA)))
        owner.execute(sql.SQL("GRANT ALL ON SCHEMA {} TO sanctum_transform").format(sql.Identifier(_SCHEMA)))
    began = time.perf_counter()
    with ThreadPoolExecutor(at_a_time) as pool:
        rows = sum(pool.map(lambda path: _make(database, path), queries()))
    seconds = time.perf_counter() - began
    with database.connect(Role.TRANSFORM, autocommit=True) as maker:
        for path in queries():
            maker.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(_SCHEMA, path.stem)))
    with database.connect(Role.OWNER, autocommit=True) as owner:
        owner.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(_SCHEMA)))
    return rows, seconds


def queries() -> Sequence[Path]:
    """A file for each table, those of most rows first."""
    first = ("event_source", "measurement", "event_coding")
    return sorted(_QUERIES.glob("*.sql"), key=lambda path: (path.stem not in first, path.stem != first[0], path.stem))


def _make(database: Database, query: Path) -> int:
    # psycopg's types take literals alone.
    content: Any = query.read_text()
    rows = sql.SQL(content)
    with database.connect(Role.TRANSFORM, autocommit=True, options=_BARE) as connection:
        table = sql.Identifier(_SCHEMA, query.stem)
        return connection.execute(sql.SQL("CREATE TABLE {} AS {}").format(table, rows)).rowcount


def _count(database: Database, table: str) -> int:
    with database.connect(Role.TRANSFORM) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("omop", table))
        (rows,) = connection.execute(query).fetchone() or (0,)
    return int(rows)


def _against_bound(settings: Settings, found: Figures) -> Table:
    table = Table(f"Bronze to the CDM ({found.patients:,} patients)", "rows/s")
    table.add(
        f"bound: a bare hash join to {found.bound_rows:,} rows ({found.bound_seconds:.1f} s)",
        found.bound_rows / found.bound_seconds,
    )
    table.add(
        f"the same, {settings.workers} statements at a time ({found.parallel_bound_seconds:.1f} s)",
        found.bound_rows / found.parallel_bound_seconds,
    )
    table.add(
        f"dbt build of schema omop, {found.rows:,} rows of the same tables ({found.seconds:.1f} s)",
        found.rows / found.seconds,
    )
    return table


def _slowest(found: Figures) -> Table:
    table = Table(f"Where the build's time goes ({found.patients:,} patients, models beside each other)", "seconds")
    table.add("the whole build", found.seconds)
    for name, seconds in found.models[:_SLOWEST]:
        table.add(name, seconds)
    table.add(f"the {len(found.models) - _SLOWEST} other models", sum(took for _name, took in found.models[_SLOWEST:]))
    return table


def _scale(small: Figures, large: Figures) -> ScaleTable:
    sizes = f"{small.patients:,} patients", f"{large.patients:,} patients"
    table = ScaleTable(f"Bronze to the CDM at {large.patients / small.patients:.0f} times the data", sizes)
    table.add("rows, dbt build of schema omop", small.rows, large.rows)
    table.add("seconds, dbt build of schema omop", small.seconds, large.seconds)
    table.add("rows/s, dbt build of schema omop", small.rows / small.seconds, large.rows / large.seconds)
    table.add("rows/s, bound", small.bound_rows / small.bound_seconds, large.bound_rows / large.bound_seconds)
    return table
