"""A hospital on loopback, a client's key, and the file that names the one and the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Server
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.gathering import Gathering
from pipelines.fhir_server.state import StateJournal
from tests.pipelines.fhir_server.hospital import Hospital, hospital

FAST = {
    "requests_per_second": 10_000,
    "backoff_seconds": 0.005,
    "maximum_wait_seconds": 0.02,
    "attempts": 4,
    "timeout_seconds": 5,
}

Make = Callable[..., Server]


@pytest.fixture
def site() -> Iterator[Hospital]:
    with hospital() as state:
        yield state


@pytest.fixture(scope="session")
def private_key() -> RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def write_key(path: Path, key: Any) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


@pytest.fixture
def key_file(tmp_path: Path, private_key: RSAPrivateKey) -> Path:
    return write_key(tmp_path / "client.pem", private_key)


@pytest.fixture
def make(site: Hospital, key_file: Path, private_key: RSAPrivateKey) -> Make:
    """A configured server: with an export of the group's types, or with searches."""
    site.public_key = private_key.public_key()

    def server(*types: str, **parts: Any) -> Server:
        content: dict[str, Any] = {
            "name": "hospital",
            "base_url": site.base,
            "authorization": {"client_id": "client", "private_key_file": str(key_file), "key_id": "first"},
            **FAST,
        }
        if types:
            content["export"] = {
                "of": "group",
                "group": "g1",
                "types": list(types),
                "poll_seconds": 0.005,
                **parts.pop("export", {}),
            }
        return Server.model_validate({**content, **parts})

    return server


@pytest.fixture
def client(make: Make) -> Iterator[Client]:
    with Client(make("Patient")) as found:
        yield found


@dataclass
class Given:
    """What a server gave, before any database sees it.

    Attributes:
        raw: lines of all files, in the order in which they would be loaded.
    """

    raw: list[bytes]
    findings: dict[str, int]
    held: dict[str, str]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.raw]

    @property
    def names(self) -> list[str]:
        return sorted(f"{line['resourceType']}/{line.get('id')}" for line in self.lines)


class Home:
    """A folder and a journal that outlive a run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state: dict[str, Any] = {}

    @property
    def watermarks(self) -> dict[str, dict[str, list[str]]]:
        return dict(self.state.get("watermarks", {}))

    def gather(self, server: Server, sleep: Callable[[float], None] | None = None, *, restart: bool = False) -> Given:
        """Ask a server; what it gives is handed over and taken as loaded."""
        findings, lines = Findings(), list[bytes]()
        with Client(server) as client:
            gathering = Gathering(client, StateJournal(self.state), self.root, findings, sleep=sleep)
            if restart:
                gathering.abandon()
            for gathered in gathering.run():
                found = [line for path in gathered.paths for line in path.read_bytes().splitlines()]
                assert len(found) == sum(gathered.lines.values())
                lines += found
                gathering.mark_loaded(gathered)
        assert not list(self.root.rglob("*.*"))
        return Given(lines, findings.counts, findings.held)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "fhir_server" / "hospital")
