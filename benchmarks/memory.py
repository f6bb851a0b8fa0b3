"""Peak memory of a process and all it started, sampled while it runs."""

import threading
from types import TracebackType

import psutil

SAMPLES_A_SECOND = 10


class MemorySampler:
    """Samples a process and its descendants in a thread for as long as the block lasts.

    Memory is the proportional set size: a page that three processes share counts a third in each, so that their sum is
    what they take together. Linux tells it (``/proc/PID/smaps_rollup``).

    Attributes:
        peak: bytes; the largest sum of one sample.
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
        while not self._end.wait(1 / SAMPLES_A_SECOND):
            self.peak = max(self.peak, proportional_set_size(self._pid))
            self.samples += 1


def proportional_set_size(pid: int) -> int:
    """Bytes of a process and its descendants together; one that ends meanwhile counts nothing."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_one(process) for process in processes)


def _one(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError, ProcessLookupError):
        return 0
