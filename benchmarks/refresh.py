"""What a refresh of persons costs against a build of everybody, and how soon an ADT message is in the care gaps.

The message goes to the listener over MLLP, and everything after it is what ``sanctum dev`` runs: the sensor, the run it
asks for, the fold, the refresh. It is sent when nothing runs.
"""

import contextlib
import os
import random
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

import psycopg

from benchmarks.fhir import source_files
from benchmarks.loading import load
from benchmarks.mllp import listening
from benchmarks.population import repeat
from benchmarks.table import Table
from pipelines.refresh import refresh_persons
from pipelines.vocabulary import ensure_starter
from resources import dagster, dbt
from resources.postgres import Database, Role
from resources.settings import Settings

COPIES = 10
MESSAGES = 20
_SHARE = 100
_PORT = 3979
_LONGEST_SECONDS = 300.0
_SQL = Path(__file__).parent / "sql"
_ADMISSION = (
    "MSH|^~\\&|ADT|HOSP|SANCTUM|HOSP|{at}||ADT^A01^ADT_A01|{control}|P|2.5.1\r"
    "EVN|A01|{at}\r"
    "PID|1||{number}^^^HOSP&{authority}&URI^MR||SURNAME^GIVEN||{born}|{sex}\r"
    "PV1|1|I|WARD^1^2^HOSP" + "|" * 16 + "{control}^^^HOSP" + "|" * 25 + "{at}\r"
)


@dataclass(frozen=True)
class Taken:
    """Seconds from the acknowledgement of a message to the care gaps it changes, and of each part of that.

    Attributes:
        whole: all of it.
        asking: until the sensor has seen the message and its run is in the queue.
        starting: until the run's process has begun.
        folding: until bronze has the message and what it says.
        building: until the person's gaps are those of bronze.
    """

    whole: float
    asking: float
    starting: float
    folding: float
    building: float


def run(settings: Settings, database: Database, copies: int = COPIES) -> Iterator[Table]:
    """Load a population, build it, and measure both."""
    ensure_starter(database)
    population = repeat(source_files(settings), settings.home / "repeated", copies)
    load(settings, population.directory, "structural", settings.source_system)
    shutil.rmtree(population.directory)
    yield from measure(settings, database)


def measure(settings: Settings, database: Database) -> Iterator[Table]:
    """Both tables, of a home whose bronze is loaded."""
    began = time.perf_counter()
    dbt.build(settings, database, tests=False)
    whole = time.perf_counter() - began
    people = _numbered_people(database)
    table = Table(f"dbt build and refresh ({len(people):,} patients)", "seconds")
    table.add("dbt build of everybody, without its tests", whole)
    for what, count in (
        ("one patient, the first of a day, for which dbt compiles the project", 1),
        ("1 % of the patients", max(1, len(people) // _SHARE)),
        ("one patient", 1),
    ):
        table.add(f"refresh with its tests: {what}", _refresh(settings, database, random.sample(people, count)))
    yield table
    taken = list(_messages(settings, database, random.sample(people, MESSAGES)))
    table = Table(
        f"ADT message acknowledged to care gaps refreshed ({len(people):,} patients, {MESSAGES} messages, each alone)",
        "seconds, median",
    )
    for field in fields(Taken):
        values = sorted(getattr(one, field.name) for one in taken)
        last = statistics.quantiles(values, n=20)[-1]
        table.add(f"{field.name} (95th percentile {last:.1f})", statistics.median(values))
    yield table


@dataclass(frozen=True)
class _Person:
    """Somebody in omop, by an identifier that names them, with their birth date (YYYYMMDD) and sex (HL7 table 0001)."""

    person_id: int
    authority: str
    number: str
    born: str
    sex: str


def _numbered_people(database: Database) -> list[_Person]:
    with database.connect(Role.TRANSFORM) as connection:
        return [_Person(*row) for row in connection.execute(_text("numbered_people")).fetchall()]


def _refresh(settings: Settings, database: Database, people: Sequence[_Person]) -> float:
    """Seconds to take in that each record of these people was loaded again."""
    with database.connect(Role.INGEST) as connection:
        connection.execute(_text("load_again"), {"person_keys": [person.person_id for person in people]})
    began = time.perf_counter()
    report = refresh_persons(settings, database)
    if report.persons < len(people):
        raise RuntimeError(f"{len(people)} people changed and {report.persons} were refreshed")
    return time.perf_counter() - began


def _messages(settings: Settings, database: Database, people: Sequence[_Person]) -> Iterator[Taken]:
    with (
        listening(settings, database) as port,
        _serving(settings, database),
        socket.create_connection(("127.0.0.1", port)) as sender,
        database.connect(Role.TRANSFORM, autocommit=True) as reader,
        database.connect(Role.DAGSTER, autocommit=True) as runs,
    ):
        for number, person in enumerate(people):
            # At any moment of the sensor's interval.
            time.sleep(random.uniform(0, 5))
            yield _taken(sender, reader, runs, person, f"B{os.getpid()}x{number}")
            _wait_until_quiet(runs)


def _taken(
    sender: socket.socket,
    reader: psycopg.Connection[tuple[object, ...]],
    runs: psycopg.Connection[tuple[object, ...]],
    person: _Person,
    control: str,
) -> Taken:
    before = _stays(reader, person)
    message = _ADMISSION.format(at=time.strftime("%Y%m%d%H%M%S"), control=control, **asdict(person))
    sender.sendall(b"\x0b" + message.encode() + b"\x1c\r")
    answer = b""
    while not answer.endswith(b"\x1c\r"):
        answer += sender.recv(4096)
    acknowledged = time.time()
    while _stays(reader, person) == before:
        if time.time() - acknowledged > _LONGEST_SECONDS:
            raise RuntimeError("the message did not reach the care gaps: see the run in Dagster")
        time.sleep(0.02)
    done = time.time()
    (asked, started, folded) = (_seconds(at) for at in runs.execute(_text("run_times")).fetchone() or ())
    return Taken(done - acknowledged, asked - acknowledged, started - asked, folded - started, done - folded)


def _seconds(at: object) -> float:
    if not isinstance(at, datetime):
        raise RuntimeError("the last run lacks an event")
    return at.timestamp()


def _stays(reader: psycopg.Connection[tuple[object, ...]], person: _Person) -> object:
    """How many visits the person's timeline has: it changes in the transaction in which the gaps do."""
    return reader.execute(_text("stays"), {"person_id": person.person_id}).fetchone()


def _wait_until_quiet(runs: psycopg.Connection[tuple[object, ...]]) -> None:
    while runs.execute(_text("runs_under_way")).fetchone() != (0,):
        time.sleep(0.5)


@contextlib.contextmanager
def _serving(settings: Settings, database: Database) -> Iterator[None]:
    """Dagster as ``sanctum dev`` runs it, once its sensor has looked."""
    environment = {**os.environ, **dagster.environment(settings, database)}
    process = subprocess.Popen(
        dagster.dev_command(_PORT), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        began = time.time()
        while not _has_looked(database, began):
            if process.poll() is not None or time.time() - began > _LONGEST_SECONDS:
                raise RuntimeError("Dagster did not start: see what 'sanctum dev' says")
            time.sleep(0.5)
        yield
    finally:
        process.terminate()
        process.wait()


def _has_looked(database: Database, since: float) -> bool:
    """Whether a look of the sensor has ended; Dagster makes its tables when it first starts."""
    with database.connect(Role.DAGSTER) as connection:
        if connection.execute("SELECT to_regclass('dagster.job_ticks')").fetchone() == (None,):
            return False
        return connection.execute(_text("looks"), {"since": since}).fetchone() != (0,)


def _text(name: str) -> bytes:
    return (_SQL / f"{name}.sql").read_bytes()
