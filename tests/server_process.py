"""A web server as a process of its own: the framework it is made with stays out of the tests' process.

Flask leaves proxies among the loaded modules that raise outside of a request, and vLLM asks every loaded module.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_RUNNING = re.compile(r"running on http://127\.0\.0\.1:(\d+)", re.IGNORECASE)
_STARTS_WITHIN_SECONDS = 60


@contextlib.contextmanager
def server_process(module: str, *arguments: str) -> Iterator[tuple[int, Path]]:
    """A module that serves on loopback and says where; its port, and the file with all that it says."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen([sys.executable, "-m", module, *arguments], stderr=output, stdout=output)
        try:
            yield _port_of(process, log), log
        finally:
            process.terminate()
            process.wait()


def _port_of(process: "subprocess.Popen[bytes]", log: Path) -> int:
    end = time.monotonic() + _STARTS_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < end:
        running = _RUNNING.search(log.read_text())
        if running is not None:
            return int(running[1])
        time.sleep(0.02)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
