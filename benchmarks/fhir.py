"""FHIR from file on disk to committed bronze, against the bound: parse the same bytes, COPY the same rows."""

import gzip
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
from psycopg import sql

from benchmarks.table import Table
from pipelines.demo import generate
from pipelines.fhir import ingest_fhir
from resources.postgres import Database, Role
from resources.settings import Settings

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "fhir-r4" / "synthea-100"


@dataclass(frozen=True)
class _Run:
    resources: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.resources / self.seconds


def run(settings: Settings, database: Database) -> Table:
    """Resources per second with structural and with full validation."""
    source = SHARED if SHARED.is_dir() else generate(settings.home / "population").fhir_directory
    full = _ingest(settings, database, source, "full")
    structural = _ingest(settings, database, source, "structural")
    bound = _bound(database, source, structural.resources)
    table = Table(f"FHIR R4 to bronze ({source.name}, {full.resources:,} resources)", "resources/s")
    table.add("bound: orjson parse + COPY of the same bronze rows", bound.per_second)
    table.add("sanctum ingest fhir, structural validation", structural.per_second)
    table.add("sanctum ingest fhir, full validation (fhir.resources R4B)", full.per_second)
    return table


def _ingest(settings: Settings, database: Database, source: Path, validation: str) -> _Run:
    # A source system of its own: other keys, so nothing is known from the run before.
    chosen = settings.model_copy(update={"validation": validation, "source_system": f"bench-{validation}"})
    started = time.perf_counter()
    account = ingest_fhir(chosen, database, [source])
    return _Run(account.read.total(), time.perf_counter() - started)


def _bound(database: Database, source: Path, resources: int) -> _Run:
    tables = _copy_out(database)
    started = time.perf_counter()
    for path in sorted(source.iterdir()):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for line in content.splitlines():
            orjson.loads(line)
    with database.connect(Role.INGEST) as connection:
        for name, rows in tables.items():
            target, like = sql.Identifier(f"bound_{name}"), sql.Identifier("bronze", name)
            connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {})").format(target, like))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(target)) as copy:
                copy.write(rows)
        connection.commit()
    return _Run(resources, time.perf_counter() - started)


def _copy_out(database: Database) -> dict[str, bytes]:
    tables: dict[str, bytes] = {}
    with database.connect(Role.INGEST) as connection:
        names = connection.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns "
            "WHERE table_schema = 'bronze' AND column_name = 'source_system'"
        ).fetchall()
        for (name,) in names:
            query = sql.SQL(
                "COPY (SELECT * FROM {} WHERE source_system = 'bench-structural') TO STDOUT (FORMAT binary)"
            )
            with connection.cursor().copy(query.format(sql.Identifier("bronze", name))) as copy:
                tables[name] = b"".join(bytes(block) for block in copy)
    return tables
