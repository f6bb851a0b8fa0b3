"""Peak memory of a process and all it started, sampled while it runs."""

import threading
from collections.abc import Callable
from types import TracebackType

import psutil

SAMPLES_A_SECOND = 10
_SAMPLES_UNTIL_SHARED_ANEW = 20


class MemorySampler:
    """Samples a process and its descendants in a thread for as long as the block lasts.

    What counts is their proportional set size: a page that three processes share counts a third in each, so that the
    sum is what they take together. To ask for it costs the kernel tens of milliseconds, which would slow down what is
    measured; so each sample is the sum of the resident sizes, less what that sum counted twice when both were last
    asked for, at most two seconds before. A process that was forked since makes it too large, never too small.

    Attributes:
        peak: bytes; the largest sample.
        samples: taken so far, at ``SAMPLES_A_SECOND``.
    """

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self.samples = 0
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def __enter__(self) -> "MemorySampler":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        counted_twice = 0
        while not self._end.wait(1 / SAMPLES_A_SECOND):
            resident = resident_set_size(self._pid)
            if self.samples % _SAMPLES_UNTIL_SHARED_ANEW == 0:
                counted_twice = max(resident - proportional_set_size(self._pid), 0)
            self.peak = max(self.peak, resident - counted_twice)
            self.samples += 1


def proportional_set_size(pid: int) -> int:
    """Bytes of a process and its descendants together; one that ends meanwhile counts nothing.

    Source: proc(5), ``/proc/PID/smaps_rollup``, Pss.
    """
    return _sum(pid, lambda process: int(process.memory_full_info().pss))


def resident_set_size(pid: int) -> int:
    """The same with shared pages counted in each process that has them."""
    return _sum(pid, lambda process: int(process.memory_info().rss))


def _sum(pid: int, size: Callable[[psutil.Process], int]) -> int:
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in processes:
        try:
            total += size(process)
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            # It has ended since it was listed.
            continue
    return total
