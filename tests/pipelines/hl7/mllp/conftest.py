"""Listeners: in this process on threads of their own, or as ``sanctum mllp``."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Queue

import pytest
import uvloop

from pipelines.hl7.mllp.listener import Address, Listener
from resources.postgres import Database, database
from resources.settings import Settings


@dataclass
class Running:
    """A listener that runs."""

    settings: Settings
    database: Database
    address: Address
    stop: Callable[[], None]

    @property
    def port(self) -> int:
        return self.address.port


Listen = Callable[..., Running]


class _Thread:
    """An event loop with one listener."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._found: Queue[Address | None] = Queue()
        self._stop: Callable[[], object] = lambda: None
        self._done = ThreadPoolExecutor(1).submit(self._run)
        self._done.add_done_callback(lambda _: self._found.put(None))

    def _run(self) -> None:
        """In a loop such as ``sanctum mllp`` has."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        await self._listener.serve(stopping, self._found.put)

    def address(self) -> Address:
        found = self._found.get(timeout=30)
        if found is None:
            self._done.result()
            raise AssertionError("the listener ended")
        return found

    def stop(self) -> None:
        if not self._done.done():
            self._stop()
        self._done.result(30)


@contextlib.contextmanager
def listening(settings: Settings, **overrides: object) -> Iterator[Running]:
    """A listener on any free port until the end of the block."""
    update = {"mllp_port": 0, "mllp_metrics_port": None, "mllp_stop_seconds": 3.0, **overrides}
    settings = settings.model_copy(update=update)
    thread = _Thread(Listener(settings, database(settings)))
    running = Running(settings, database(settings), thread.address(), thread.stop)
    try:
        yield running
    finally:
        thread.stop()


@pytest.fixture
def listen(settings: Settings) -> Iterator[Listen]:
    """Start a listener on a fresh database with settings of one's own."""
    with contextlib.ExitStack() as stack:
        yield lambda **overrides: stack.enter_context(listening(settings, **overrides))


@pytest.fixture(scope="module")
def listener(module_settings: Settings) -> Iterator[Running]:
    """One listener with the settings as they are, for tests that tell their messages apart by MSH-10."""
    with listening(module_settings) as running:
        yield running


class Process:
    """``sanctum mllp`` in a process of its own."""

    def __init__(self, environment: dict[str, str], port: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assets.cli", "mllp", "--port", str(port), "--metrics-port", "0", "--json"],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line.startswith('{"listening"'):
            self.process.kill()
            raise AssertionError(f"the listener did not start: {line}{self.process.communicate()[1]}")
        self.port = int(json.loads(line)["listening"]["port"])
        self._log: list[str] = []
        # A full pipe would stop the listener.
        self._reader = threading.Thread(target=lambda: self._log.extend(self.process.stderr or ()))
        self._reader.start()

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; exit status and what was logged."""
        self.process.send_signal(number)
        status = self.process.wait(30)
        self._reader.join()
        return status, "".join(self._log)
