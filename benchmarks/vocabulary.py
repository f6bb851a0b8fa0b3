"""A synthesised Athena download to a vocabulary in force, against bare COPY of the same files.

Run as a module it is the process that loads: a request on standard input, an answer on standard output, both JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from benchmarks.athena import FULL, Download, synthesise
from benchmarks.memory import MemorySampler
from benchmarks.table import Table
from pipelines.vocabulary import load_vocabulary
from pipelines.vocabulary.files import BLOCK, vocabulary_files
from pipelines.vocabulary.filling import CONNECTIONS
from resources.postgres import Database, Role, database
from resources.settings import Settings, load_settings

SCALE = 0.1
"""Share of a full download that is loaded unless another is asked for."""
_SCHEMA = "vocabulary_bound"


@dataclass(frozen=True)
class Loaded:
    """Seconds from files on disk to the switch, and peak memory in bytes of the loader and of PostgreSQL."""

    seconds: float
    peak: int
    server_peak: int

    def words(self) -> str:
        """For a row of the table."""
        memory, server = self.peak / 1e6, self.server_peak / 1e6
        return f"{self.seconds:,.0f} s, peak memory {memory:,.0f} MB, of PostgreSQL {server:,.0f} MB"


def run(settings: Settings, warehouse: Database, scale: float = SCALE) -> Iterator[Table]:
    """Lines per second of a first load, and of a later release with the report of what it changed."""
    first = synthesise(settings.home / "athena-first", scale)
    table = Table(
        f"Athena download to the vocabulary in force ({FULL['CONCEPT'] * scale / 1e6:,.1f} million concepts, "
        f"{FULL['CONCEPT_RELATIONSHIP'] * scale / 1e6:,.1f} million relationships, "
        f"{FULL['CONCEPT_ANCESTOR'] * scale / 1e6:,.1f} million ancestors; {first.bytes / 1e6:,.0f} MB)",
        "lines/s",
    )
    seconds = bound(warehouse, first)
    what = f"bound: COPY of the same files, {CONNECTIONS} at a time, into tables without indexes"
    table.add(f"{what} ({seconds:,.0f} s)", first.lines / seconds)
    loaded = load(settings, first)
    table.add(f"sanctum vocab load, first ({loaded.words()})", first.lines / loaded.seconds)
    second = synthesise(settings.home / "athena-second", scale, later=True)
    loaded = load(settings, second)
    table.add(
        f"sanctum vocab load, a later release that changed 1%, compared ({loaded.words()})",
        second.lines / loaded.seconds,
    )
    loaded = load(settings, second)
    table.add(f"sanctum vocab load, the same again ({loaded.words()})", second.lines / loaded.seconds)
    yield table


def bound(warehouse: Database, download: Download) -> float:
    """Seconds for the server to take the same lines, with no index, no check and no comparison."""
    files = vocabulary_files(download.directory)
    stems = sorted(files, key=lambda stem: files[stem].byte_length() or 0, reverse=True)
    with warehouse.connect(Role.OWNER, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_SCHEMA)))
        started = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _done in pool.map(lambda stem: _copy(warehouse, stem, download.directory / f"{stem}.csv"), stems):
                pass
        seconds = time.perf_counter() - started
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(_SCHEMA)))
    return seconds


def _copy(warehouse: Database, stem: str, path: Path) -> None:
    table = sql.Identifier(_SCHEMA, stem.lower())
    with warehouse.connect(Role.OWNER) as connection:
        connection.execute(sql.SQL("CREATE TABLE {} (LIKE {})").format(table, sql.Identifier("vocab", stem.lower())))
        statement = sql.SQL("COPY {} FROM STDIN (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\x01', HEADER)").format(table)
        with path.open("rb") as stream, connection.cursor().copy(statement) as copy:
            while block := stream.read(BLOCK):
                copy.write(block)


def load(settings: Settings, download: Download) -> Loaded:
    """Load in a process of its own, so that its memory is its own.

    Raises:
        RuntimeError: the load failed.
    """
    postmaster = int((settings.home / "postgres" / "postmaster.pid").read_text().split()[0])
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.vocabulary"],
        cwd=Path(__file__).resolve().parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, MemorySampler(process.pid) as sampler, MemorySampler(postmaster) as server:
        answer, _none = process.communicate(json.dumps([str(settings.home), str(download.directory)]))
    if process.returncode != 0:
        raise RuntimeError(f"the load ended with exit status {process.returncode}")
    return Loaded(json.loads(answer), sampler.peak, server.peak)


def _load(home: str, directory: str) -> float:
    warehouse = database(load_settings(home=Path(home), database_url=None, database_url_file=None))
    started = time.perf_counter()
    load_vocabulary(warehouse, Path(directory))
    return time.perf_counter() - started


if __name__ == "__main__":
    json.dump(_load(*json.load(sys.stdin)), sys.stdout)
