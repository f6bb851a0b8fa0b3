"""pyomop loading the same files into the same PostgreSQL, what it made of them, and our load of them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks import peers
from benchmarks.fhir import VALIDATIONS, source_files
from benchmarks.loading import load
from benchmarks.population import repeat
from benchmarks.table import Table
from resources.postgres import Database, administrator_dsn
from resources.settings import Settings

PEER = "pyomop 6.4.0"
_DATABASE = "pyomop"
_SECONDS = 900.0
_EVENTS: tuple[LiteralString, ...] = (
    "condition_occurrence",
    "drug_exposure",
    "measurement",
    "observation",
    "procedure_occurrence",
)


@dataclass(frozen=True)
class PeerLoad:
    """A finished load.

    Attributes:
        seconds: of its work alone, without imports and without making its tables.
        types: resource types it has a table for; it reads the others, and drops them without a word.
        events: rows of its tables of clinical events.
        events_with_visit: those of them that name the visit they belong to.
    """

    seconds: float
    types: frozenset[str]
    events: int
    events_with_visit: int


def run(settings: Settings, database: Database) -> Iterator[Table]:
    """Resources per second of the peer, and of ours on the same files; the peer says what it did not load."""
    source = source_files(settings)
    folder = settings.home / "for-pyomop"
    population = repeat(source, folder, 1)
    table = Table(f"FHIR R4 to PostgreSQL ({source.name}, {population.resources:,} resources)", "resources/s")
    try:
        peer = load_with_pyomop(settings, database, folder)
    except peers.PeerUnavailableError as error:
        table.add(f"{PEER} ({error})", None)
    else:
        kept = sum(population.types[kind] for kind in peer.types)
        became = (
            f"{kept:,} resources of {len(peer.types)} types become {peer.events:,} rows of events, "
            f"{peer.events_with_visit:,} of them with their visit; the others are dropped"
        )
        table.add(f"{PEER}, to OMOP tables ({became})", population.resources / peer.seconds)
    for validation in VALIDATIONS:
        loaded = load(settings, folder, validation, f"bench-peer-{validation}")
        table.add(f"sanctum ingest fhir, to bronze, {validation} validation (all landed)", loaded.per_second)
    shutil.rmtree(folder)
    yield table


def load_with_pyomop(settings: Settings, database: Database, folder: Path) -> PeerLoad:
    """Load a folder of NDJSON files, not compressed, into a database of its own in the embedded server.

    It is the server's administrator there: it switches foreign keys off while it loads.

    Raises:
        benchmarks.peers.PeerUnavailableError: it can't be installed, did not finish, or loaded nothing.
    """
    python = peers.install(settings, "pyomop")
    administrator = administrator_dsn(database)
    with psycopg.connect(administrator, autocommit=True) as connection:
        # It can't drop its own tables.
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(_DATABASE)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
    server = conninfo_to_dict(administrator)
    arguments = [str(folder), str(server["host"]), str(server["user"]), _DATABASE]
    answer = peers.drive(python, "pyomop", arguments, _SECONDS)
    events = with_visit = 0
    with psycopg.connect(administrator, dbname=_DATABASE) as connection:
        for table in _EVENTS:
            query = sql.SQL("SELECT count(*), count(visit_occurrence_id) FROM {}").format(sql.Identifier(table))
            found = connection.execute(query).fetchone() or (0, 0)
            events, with_visit = events + found[0], with_visit + found[1]
    if not events:
        raise peers.PeerUnavailableError("not measured: it loaded no events")
    return PeerLoad(answer["seconds"], frozenset(answer["types"]), events, with_visit)
