"""An OpenID provider as a process of its own: the web framework it is made with stays out of the tests' process.

Flask leaves proxies among the loaded modules that raise outside of a request, and vLLM asks every loaded module.
"""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RUNNING = re.compile(r"running on http://127\.0\.0\.1:(\d+)")
_STARTS_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class User:
    """Somebody who may sign in, and the claims of their tokens."""

    sub: str
    claims: Mapping[str, Any]


@contextlib.contextmanager
def provider_process(users: Sequence[User], port: int = 0, lifetime_seconds: int = 3600) -> Iterator[int]:
    """Its port on loopback, a free one unless told; each start makes a new key."""
    options = [f"--user-claims={json.dumps({'sub': user.sub, **user.claims})}" for user in users]
    options += [f"--port={port}", f"--token-max-age={lifetime_seconds}"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen([sys.executable, "-m", "oidc_provider_mock", *options], stderr=output)
        try:
            yield _port_of(process, log)
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
    raise RuntimeError(f"the provider did not start:\n{log.read_text()}")
