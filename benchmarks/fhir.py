"""FHIR from file on disk to committed bronze at two sizes; the bound parses the same bytes and copies the same rows."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
from psycopg import sql

from benchmarks.loading import Loaded, load
from benchmarks.population import Population, repeat
from benchmarks.table import ScaleTable, Table
from pipelines.demo import generate
from resources.postgres import Database, Role
from resources.settings import Settings, Validation

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "fhir-r4" / "synthea-100"
TIMES = 10
VALIDATIONS: tuple[Validation, ...] = ("structural", "full")
_BLOCK = 1 << 20


def source_files(settings: Settings) -> Path:
    """The folder of FHIR files that is measured: real ones where they are, else the demo population."""
    return SHARED if SHARED.is_dir() else generate(settings.home / "population").fhir_directory


def run(settings: Settings, database: Database) -> Iterator[Table | ScaleTable]:
    """Resources per second, structural and full, of a population and of the same ten times; then both side by side."""
    source = source_files(settings)
    folder = settings.home / "repeated"
    small, large = repeat(source, folder / "once", 1), repeat(source, folder / "many", TIMES)
    # The small ones first: the large ones then meet no smaller tables than these did.
    loads = {
        (population.patients, validation): load(
            settings, population.directory, validation, f"bench-{validation}-{population.patients}"
        )
        for population in (small, large)
        for validation in VALIDATIONS
    }
    structural, full = loads[large.patients, "structural"], loads[large.patients, "full"]
    _require_whole(large, structural)
    _require_whole(large, full)
    bound = _bound(database, folder, large, f"bench-structural-{large.patients}")
    shutil.rmtree(folder)
    table = Table(
        f"FHIR R4 to bronze ({source.name} repeated to {large.patients:,} patients, {large.resources:,} resources, "
        f"{large.bytes / 1e6:,.0f} MB)",
        "resources/s",
    )
    table.add("bound: orjson parse + COPY of the same bronze rows", bound)
    table.add("sanctum ingest fhir, structural validation", structural.per_second)
    table.add("sanctum ingest fhir, full validation (fhir.resources R4B)", full.per_second)
    yield table
    yield _scale(source, small, large, loads)


def _scale(
    source: Path, small: Population, large: Population, loads: dict[tuple[int, Validation], Loaded]
) -> ScaleTable:
    sizes = f"{small.patients:,} patients", f"{large.patients:,} patients"
    table = ScaleTable(f"FHIR R4 to bronze at {TIMES} times the data ({source.name})", sizes)
    for validation in VALIDATIONS:
        first, second = loads[small.patients, validation], loads[large.patients, validation]
        table.add(f"resources/s, {validation}", first.per_second, second.per_second)
        table.add(f"peak memory in MB, {validation}", first.peak / 1e6, second.peak / 1e6)
    return table


def _require_whole(population: Population, loaded: Loaded) -> None:
    if loaded.resources != population.resources:
        raise RuntimeError(f"{loaded.resources} of {population.resources} resources were read: nothing is measured")


def _bound(database: Database, folder: Path, population: Population, source_system: str) -> float:
    """Resources per second of parsing the bytes line by line and copying in the rows of a load, in one process."""
    rows = _copy_out(database, folder / "rows", source_system)
    started = time.perf_counter()
    for path in sorted(population.directory.iterdir()):
        with path.open("rb") as stream:
            for line in stream:
                orjson.loads(line)
    with database.connect(Role.INGEST) as connection:
        for path in rows:
            target, like = sql.Identifier(f"bound_{path.name}"), sql.Identifier("bronze", path.name)
            connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {})").format(target, like))
            into = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(target)
            with path.open("rb") as stream, connection.cursor().copy(into) as copy:
                while block := stream.read(_BLOCK):
                    copy.write(block)
        connection.commit()
    return population.resources / (time.perf_counter() - started)


def _copy_out(database: Database, folder: Path, source_system: str) -> list[Path]:
    """The bronze rows of a load as files named like their tables, in COPY's binary format."""
    folder.mkdir()
    with database.connect(Role.INGEST) as connection:
        names = connection.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns "
            "WHERE table_schema = 'bronze' AND column_name = 'source_system'"
        ).fetchall()
        for (name,) in names:
            query = sql.SQL("COPY (SELECT * FROM {} WHERE source_system = {}) TO STDOUT (FORMAT binary)")
            chosen = query.format(sql.Identifier("bronze", name), sql.Literal(source_system))
            with connection.cursor().copy(chosen) as copy, (folder / name).open("wb") as target:
                target.writelines(copy)
    return sorted(folder.iterdir())
