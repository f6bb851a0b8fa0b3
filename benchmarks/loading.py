"""One ingestion in a process of its own, so that its memory is its own and nothing else's imports are in it.

Run as a module it is that process: a request on standard input, an answer on standard output, both JSON.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.memory import MemorySampler
from pipelines.fhir import ingest_fhir
from pipelines.fhir_server import ingest_server
from pipelines.fhir_server.configuration import check_server
from resources.postgres import database
from resources.settings import Settings, Validation, load_settings


@dataclass(frozen=True)
class Loaded:
    """Resources that were read, the seconds from files on disk to committed bronze, and the peak memory in bytes.

    The memory is of the process and its workers, from its start to its end, without PostgreSQL.
    """

    resources: int
    seconds: float
    peak: int

    @property
    def per_second(self) -> float:
        """Resources per second."""
        return self.resources / self.seconds


@dataclass(frozen=True)
class _Request:
    home: str
    database_url: str | None
    validation: Validation
    source_system: str
    path: str | None = None
    server: dict[str, Any] | None = None


def load(settings: Settings, source: Path, validation: Validation, source_system: str) -> Loaded:
    """Ingest a folder under a source system of its own: other keys, so nothing is known from a load before.

    Raises:
        RuntimeError: the load failed or read nothing.
    """
    return _run(_Request(*_place(settings), validation, source_system, path=str(source)))


def load_export(settings: Settings, server: dict[str, Any], validation: Validation) -> Loaded:
    """Ingest a server's export; ``server`` is an entry of the file of servers.

    Raises:
        RuntimeError: the load failed or read nothing.
    """
    return _run(_Request(*_place(settings), validation, str(server["name"]), server=server))


def _place(settings: Settings) -> tuple[str, str | None]:
    return str(settings.home), settings.database_url.get_secret_value() if settings.database_url else None


def _run(request: _Request) -> Loaded:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.loading"],
        cwd=Path(__file__).resolve().parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, MemorySampler(process.pid) as sampler:
        answer, _none = process.communicate(json.dumps(asdict(request)))
    if process.returncode != 0:
        raise RuntimeError(f"the load as {request.source_system} ended with exit status {process.returncode}")
    found = json.loads(answer)
    if not found["resources"]:
        raise RuntimeError(f"the load as {request.source_system} found no resources")
    return Loaded(found["resources"], found["seconds"], sampler.peak)


def _ingest(request: _Request) -> dict[str, float]:
    settings = load_settings(
        home=request.home,
        database_url=request.database_url,
        database_url_file=None,
        validation=request.validation,
        source_system=request.source_system,
    )
    warehouse = database(settings)
    started = time.perf_counter()
    if request.server is not None:
        account = ingest_server(settings, warehouse, check_server(request.server)).account
    else:
        account = ingest_fhir(settings, warehouse, [Path(str(request.path))])
    return {"resources": account.read.total(), "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    json.dump(_ingest(_Request(**json.load(sys.stdin))), sys.stdout)
