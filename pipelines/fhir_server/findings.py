"""What a run notices: counted by word, never by record."""

import threading
from collections import Counter


class Findings:
    """Counts of what was not as it should be. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._held: dict[str, str] = {}

    def add(self, name: str, number: int = 1) -> None:
        """Count something under a fixed word, such as ``page_repeated``."""
        with self._lock:
            self._counts[name] += number

    def hold(self, kind: str, reason: str) -> None:
        """Keep the watermark of a type where it is, since what was given is not all."""
        with self._lock:
            self._held.setdefault(kind, reason)

    @property
    def counts(self) -> dict[str, int]:
        """Counts by word."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    @property
    def held(self) -> dict[str, str]:
        """Types whose watermark stays, and why."""
        with self._lock:
            return dict(sorted(self._held.items()))
