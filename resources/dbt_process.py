"""``sanctum-dbt``: dbt as Sanctum's processes start it, one at a time in a home, and not longer than who started it.

dbt has no lock of its own: two builds at once, or one beside what a killed one left running, drop each other's tables.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

_PR_SET_PDEATHSIG = 1
LOCK_VARIABLE = "SANCTUM_DBT_LOCK"


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no dbt runs that knows this lock, and let none run meanwhile."""
    with lock.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Wait for the lock whose path ``SANCTUM_DBT_LOCK`` holds, then be dbt.

    ``--version``, which dagster-dbt asks for before each build, is answered here: dbt would ask PyPI whether there is a
    newer one, and has no switch for that.
    """
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"dbt-core {version('dbt-core')}\n")
        return
    # prctl(2), Linux: this process is killed when its parent is, whatever way that ended.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with alone(Path(os.environ[LOCK_VARIABLE])):
        from dbt.cli.main import cli

        cli()


if __name__ == "__main__":
    main()
