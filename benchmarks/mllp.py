"""Messages a second that are acknowledged, and how long a sender waits, with 1, 16 and 64 connections.

One sender process has all connections; each sends its next message when the former is acknowledged, as interface
engines do. The listener, python-hl7's server and PostgreSQL are processes of their own on the same cores.
"""

import asyncio
import contextlib
import json
import multiprocessing
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import cast

from benchmarks.peers import PeerUnavailableError, install
from benchmarks.table import Table
from pipelines.hl7 import mllp
from resources.postgres import Database, Role
from resources.settings import Settings

CONNECTIONS = (1, 16, 64)
SECONDS = 5.0
_WARM_UP_SECONDS = 1.0
_HOST = "127.0.0.1"
_DRIVER = Path(__file__).parent / "peers" / "drive_python_hl7.py"
_ADMISSION = (
    "MSH|^~\\&|ADT|HOSP|SANCTUM|HOSP|20260101120000+0000||ADT^A01^ADT_A01|{control}|P|2.5.1\r"
    "EVN|A01|20260101120000+0000||||20260101115900+0000\r"
    "PID|1||{number}^^^HOSP&1.2.3&ISO^MR||SURNAME{number}^GIVEN^M||19600203|F|||1 WAY^^BOSTON^MA^02101||6175550100\r"
    "PV1|1|I|WARD^{room}^2^HOSP||||1234^ATTENDING^ANNA||||||||||||V{number}^^^HOSP|||||||||||||||||||||||||"
    "20260101115900+0000\r"
    "DG1|1||I10^ESSENTIAL HYPERTENSION^I10C|||A\r"
)


@dataclass(frozen=True)
class Sent:
    """What a sender saw: acknowledgements a second, and milliseconds until one came."""

    per_second: float
    median: float
    percentile_99: float


class _Sender(asyncio.Protocol):
    """One connection, which always waits for one acknowledgement."""

    def __init__(self, name: str, waits: list[tuple[float, float]]) -> None:
        self._name = name
        self._waits = waits
        self._number = 0
        self._began = 0.0
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\x1c\r"):
            return
        if b"MSA|AA|" not in self._received:
            raise RuntimeError("a message was refused")
        self._received = b""
        now = time.perf_counter()
        self._waits.append((now, now - self._began))
        self._send()

    def _send(self) -> None:
        self._number += 1
        control = f"{self._name}-{self._number}"
        text = _ADMISSION.format(control=control, number=f"{self._name}{self._number % 5000}", room=self._number % 90)
        self._began = time.perf_counter()
        if self._transport is not None:
            self._transport.write(b"\x0b" + text.encode() + b"\x1c\r")


async def _send_all(port: int, connections: int, name: str) -> Sent:
    loop, waits = asyncio.get_running_loop(), list[tuple[float, float]]()
    failed: asyncio.Future[None] = loop.create_future()
    loop.set_exception_handler(lambda _, context: failed.cancelled() or failed.cancel(str(context.get("message"))))
    for number in range(connections):
        await loop.create_connection(partial(_Sender, f"{name}{number}x", waits), _HOST, port)
    await asyncio.wait([failed], timeout=_WARM_UP_SECONDS + SECONDS)
    if failed.cancelled():
        raise RuntimeError("a message was refused")
    end = time.perf_counter()
    counted = sorted(wait for at, wait in waits if end - SECONDS <= at <= end)
    return Sent(len(counted) / SECONDS, 1000 * counted[len(counted) // 2], 1000 * counted[int(len(counted) * 0.99)])


def _sender(port: int, connections: int, name: str, pipe: Pipe) -> None:
    pipe.send(asyncio.run(_send_all(port, connections, name)))


def _listen(settings: Settings, database: Database, pipe: Pipe) -> None:
    mllp.run(settings, database, lambda address: pipe.send(address.port))


def run(settings: Settings, database: Database) -> list[Table]:
    """Both servers with each number of connections, turn by turn, so that both have the machine as it is."""
    with contextlib.ExitStack() as stack:
        ports = {}
        reason = None
        try:
            ports["python-hl7 0.4.5: parsed, nothing stored"] = stack.enter_context(_theirs(settings))
        except PeerUnavailableError as error:
            reason = str(error)
        ports["sanctum mllp: committed to landing, audited"] = stack.enter_context(listening(settings, database))
        tables = []
        for connections in CONNECTIONS:
            before = _stored(database)
            found = {what: _measured(port, connections) for what, port in ports.items()}
            stored = _stored(database) - before
            table = Table(f"HL7 v2 over MLLP, {connections} connections ({stored:,} messages stored)", "messages/s")
            if reason is not None:
                table.add(f"python-hl7: {reason}", None)
            for what, sent in found.items():
                table.add(f"{what} (p50 {sent.median:.1f} ms, p99 {sent.percentile_99:.1f} ms)", sent.per_second)
            tables.append(table)
    return tables


def _measured(port: int, connections: int) -> Sent:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_sender, args=(port, connections, secrets.token_hex(3), theirs))
    process.start()
    theirs.close()
    found: Sent = ours.recv()
    process.join()
    return found


def _stored(database: Database) -> int:
    with database.connect(Role.INGEST) as connection:
        row = connection.execute("SELECT count(*) FROM landing.hl7_message").fetchone()
    return int(row[0]) if row else 0


@contextlib.contextmanager
def listening(settings: Settings, database: Database) -> Iterator[int]:
    """The listener as ``sanctum mllp`` runs it, on any free port."""
    settings = settings.model_copy(update={"mllp_port": 0, "mllp_metrics_port": 0})
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_listen, args=(settings, database, theirs))
    process.start()
    theirs.close()
    try:
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()


@contextlib.contextmanager
def _theirs(settings: Settings) -> Iterator[int]:
    """python-hl7's server, in an environment of its own."""
    python = install(settings, "python-hl7")
    process = subprocess.Popen(
        [str(python), "-I", str(_DRIVER)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                raise PeerUnavailableError("not measured: its server did not start")
            yield int(json.loads(line)["port"])
        finally:
            process.kill()
