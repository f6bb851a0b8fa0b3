"""A server on loopback that gives a folder of NDJSON files as a Bulk Data export, as fast as the kernel sends files.

Run as a module it is that server, in a process of its own: the folder is the argument, the port is printed, and it ends
when its standard input does. It errs in nothing; the server of the tests does that.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIME = "2026-03-01T12:00:00.000Z"


@dataclass(frozen=True)
class ExportServer:
    """A running server; ``types`` and ``counts`` (resources) are by file name."""

    port: int
    types: dict[str, str]
    counts: dict[str, int]

    @property
    def base_url(self) -> str:
        """Base URL of its FHIR interface."""
        return f"http://127.0.0.1:{self.port}/fhir"


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[ExportServer]:
    """Serve the files of a folder while the block lasts."""
    command = [sys.executable, "-m", "benchmarks.export_server", str(folder)]
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        try:
            yield ExportServer(**json.loads(line))
        finally:
            process.communicate()


class _Files:
    """What is served; a file's type is that of its first resource."""

    def __init__(self, folder: Path) -> None:
        self.paths = {path.name: path for path in sorted(folder.iterdir())}
        self.types: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        for name, path in self.paths.items():
            with path.open("rb") as stream:
                self.types[name] = str(json.loads(stream.readline())["resourceType"])
                self.counts[name] = 1 + sum(bool(line.strip()) for line in stream)

    def statement(self) -> dict[str, Any]:
        resources = [{"type": kind} for kind in sorted(set(self.types.values()))]
        rest = [{"mode": "server", "resource": resources, "operation": [{"name": "export"}]}]
        return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest}

    def manifest(self, base: str) -> dict[str, Any]:
        output = [
            {"type": kind, "url": f"{base}/files/{name}", "count": self.counts[name]}
            for name, kind in self.types.items()
        ]
        return {
            "transactionTime": _TIME,
            "requiresAccessToken": False,
            "output": output,
            "deleted": [],
            "error": [],
        }


async def _run(folder: Path) -> None:
    files = _Files(folder)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _version = head.split(b"\r\n", 1)[0].decode().split(" ")
                await _answer(files, f"http://127.0.0.1:{port}/fhir", method, target, writer)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "types": files.types, "counts": files.counts}), flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _answer(files: _Files, base: str, method: str, target: str, writer: asyncio.StreamWriter) -> None:
    path = target.partition("?")[0].removeprefix("/fhir/")
    name = path.removeprefix("files/")
    if path.startswith("files/") and name in files.paths:
        with files.paths[name].open("rb") as stream:
            size = files.paths[name].stat().st_size
            writer.write(_head("200 OK", size, "Content-Type: application/fhir+ndjson"))
            await writer.drain()
            await asyncio.get_running_loop().sendfile(writer.transport, stream)
        return
    status, body, more = "200 OK", b"", "Content-Type: application/fhir+json"
    if path == "$export":
        status, more = "202 Accepted", f"Content-Location: {base}/status"
    elif path == "status" and method == "DELETE":
        status = "202 Accepted"
    elif path == "status":
        body = json.dumps(files.manifest(base)).encode()
    elif path == "metadata":
        body = json.dumps(files.statement()).encode()
    else:
        status = "404 Not Found"
    writer.write(_head(status, len(body), more) + body)
    await writer.drain()


def _head(status: str, length: int, more: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{more}\r\n\r\n".encode()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1])))
