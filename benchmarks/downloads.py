"""A Bulk Data export from a loopback server to files on disk and to committed bronze, against a peer and the bound."""

import contextlib
import http.client
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.export_server import ExportServer, serve
from benchmarks.fhir import source_files
from benchmarks.loading import load_export
from benchmarks.population import Population, repeat
from benchmarks.table import Table
from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Server, check_server
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.gathering import Gathering
from pipelines.fhir_server.journal import DatabaseJournal
from resources.postgres import Database
from resources.settings import Settings

ROUNDS = 5
AS_FAST_AS_IT_CAN = 1000.0
"""Requests a second that no client gets to."""
DEFAULT_RATE = float(Server.model_fields["requests_per_second"].default)
PEER = "smart-fetch 1.0.3: export to files on disk"
_PEER_SECONDS = 300.0
_BLOCK = 1 << 20


def run(settings: Settings, database: Database) -> Iterator[Table]:
    """Resources per second, the median of ``ROUNDS`` exports each; the ways take turns."""
    folder = settings.home / "export"
    population = repeat(source_files(settings), folder / "served", 1)
    with serve(population.directory) as server:
        seconds, reason = _take_turns(settings, database, server, population, folder)
        table = Table(
            f"Bulk Data export ({population.resources:,} resources in {len(server.types)} files, "
            f"{population.bytes / 1e6:,.0f} MB, server on loopback, median of {ROUNDS})",
            "resources/s",
        )
        for what, found in seconds.items():
            table.add(what, population.resources / statistics.median(found))
        if reason is not None:
            table.add(f"{PEER} ({reason})", None)
        loaded = load_export(settings, server_entry(server, "download-bronze", AS_FAST_AS_IT_CAN), "structural")
        table.add("sanctum ingest server: export to committed bronze, structural validation", loaded.per_second)
    shutil.rmtree(folder)
    yield table


def _take_turns(
    settings: Settings, database: Database, server: ExportServer, population: Population, folder: Path
) -> tuple[dict[str, list[float]], str | None]:
    """Seconds by way, of those that can be measured, and why the peer can't if it can't."""
    ways: dict[str, Callable[[Path], float]] = {
        "bound: the same bytes over one connection to disk": lambda target: bound(server, target),
        "sanctum's client, as fast as it can: export to files on disk": lambda target: ours(
            database, server, target, AS_FAST_AS_IT_CAN
        ),
        f"sanctum's client, {DEFAULT_RATE:g} requests a second (its default)": lambda target: ours(
            database, server, target, DEFAULT_RATE
        ),
    }
    reason = None
    try:
        python = peers.install(settings, "smart-fetch")
        ways[PEER] = lambda target: peer(python, server, target)
    except peers.PeerUnavailableError as error:
        reason = str(error)
    seconds: dict[str, list[float]] = {what: [] for what in ways}
    for number in range(ROUNDS):
        for place, what in enumerate(list(seconds)):
            target = folder / f"{number}-{place}"
            try:
                seconds[what].append(ways[what](target))
            except peers.PeerUnavailableError as error:
                reason = str(error)
                del seconds[what]
            else:
                require_whole(target, population)
                shutil.rmtree(target)
    return seconds, reason


def server_entry(server: ExportServer, name: str, requests_per_second: float) -> dict[str, Any]:
    """The server as the file of servers would have it."""
    return {
        "name": name,
        "base_url": server.base_url,
        "requests_per_second": requests_per_second,
        "export": {"of": "system", "types": sorted(set(server.types.values()))},
    }


def bound(server: ExportServer, target: Path) -> float:
    """Seconds to ask for every file, one after another, and to write what comes."""
    target.mkdir()
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    with contextlib.closing(connection):
        for name in server.types:
            connection.request("GET", f"/fhir/files/{name}")
            with connection.getresponse() as response, (target / name).open("wb") as stream:
                shutil.copyfileobj(response, stream, _BLOCK)
    return time.perf_counter() - started


def ours(database: Database, server: ExportServer, target: Path, requests_per_second: float) -> float:
    """Seconds from the first request to the deletion of the export, with its status kept in the database."""
    entry = check_server(server_entry(server, f"download-{target.name}", requests_per_second))
    kept = target / "kept"
    started = time.perf_counter()
    with Client(entry) as client:
        gathering = Gathering(client, DatabaseJournal(database, entry.name), target / "root", Findings())
        with contextlib.closing(gathering.run()) as gathered_exports:
            for gathered in gathered_exports:
                gathering.mark_loaded(gathered)
                seconds = time.perf_counter() - started
                # What was gathered is removed when the next is asked for.
                gathered.folder.rename(kept)
                gathered.folder.mkdir()
    return seconds


def peer(python: Path, server: ExportServer, target: Path) -> float:
    """Seconds from the first request to the deletion of the export, as the peer's driver found."""
    target.mkdir()
    arguments = [server.base_url, str(target), ",".join(sorted(set(server.types.values())))]
    return float(peers.drive(python, "smart-fetch", arguments, _PEER_SECONDS)["seconds"])


def require_whole(target: Path, population: Population) -> None:
    """Refuse to measure what did not bring every byte.

    Raises:
        RuntimeError: bytes are missing or too many; a peer's own records of the export are left out.
    """
    files = [path for path in target.rglob("*.ndjson") if path.name != "log.ndjson"]
    found = sum(path.stat().st_size for path in files)
    if found != population.bytes:
        raise RuntimeError(f"{found} of {population.bytes} bytes came in {target.name}: nothing is measured")
