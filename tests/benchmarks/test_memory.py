"""What is counted as a load's memory: a process with all it started, shared pages once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.memory import MemorySampler, proportional_set_size

HELD = 64 << 20
SHARES = f"""
import os, sys
held = bytearray(b"x") * {HELD}
child = os.fork()
if child:
    print("ready", flush=True)
sys.stdin.read()
"""
EACH_ITS_OWN = f"""
import os, sys
child = os.fork()
held = bytearray(b"x") * {HELD}
if child == 0:
    print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def running(program: str) -> Iterator[int]:
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid
        process.communicate()


@pytest.mark.parametrize(("program", "times"), [(SHARES, 1), (EACH_ITS_OWN, 2)])
def test_descendants_count_and_shared_pages_count_once(program: str, times: int) -> None:
    with running(program) as pid:
        # The parent may still be filling its own when its child is ready.
        found = max(proportional_set_size(pid) for _time in range(20 * times))

    assert times * HELD <= found < (times + 0.5) * HELD


def test_the_peak_outlasts_the_process() -> None:
    with running(SHARES) as pid, MemorySampler(pid) as sampler:
        while not sampler.samples:
            pass

    assert HELD <= sampler.peak < 1.5 * HELD
    assert proportional_set_size(pid) == 0
