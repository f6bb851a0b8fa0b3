"""Figures of the listener for Prometheus: counters of its own, and the backlog as the database has it."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipelines.hl7.backlog import backlog
from pipelines.hl7.mllp.arrival import Fate
from resources.postgres import Database, DatabaseUnavailableError

LOOPBACK = "127.0.0.1"
_GROUP_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What one listener counts; names begin with ``sanctum_mllp_``, the backlog's with ``sanctum_hl7_``."""

    def __init__(self, database: Database) -> None:
        """Count from zero; the backlog is asked of ``database`` whenever the figures are read."""
        self.registry = CollectorRegistry()
        self._received = self._counter("received", "Frames received whole.")
        self._messages = self._counter("messages", "Messages by what became of them.", "fate")
        self._acked = self._counter("acked", "Messages taken, answered AA or CA; MSH-15 may have asked for silence.")
        self._nacked = self._counter("nacked", "Messages not taken, by the code of HL7 table 0008.", "code")
        self._lost = self._counter("unfinished", "Connections that ended within a frame.")
        self._discarded = self._counter("discarded_bytes", "Bytes outside of whole frames.")
        self._turned_away = self._counter("turned_away", "Connections closed by us.", "reason")
        self._failures = self._counter("store_failures", "Groups that could not be committed, each try.")
        self.connections = Gauge("sanctum_mllp_connections", "Open connections.", registry=self.registry)
        self._group = Histogram(
            "sanctum_mllp_group_messages", "Messages a commit.", registry=self.registry, buckets=_GROUP_SIZES
        )
        self._seconds = Histogram(
            "sanctum_mllp_commit_seconds", "Duration of a commit.", registry=self.registry, buckets=_SECONDS
        )
        self.registry.register(_Backlog(database))
        # Looking a label up takes longer than counting.
        self._of_fate = {fate: self._messages.labels(fate.value) for fate in Fate}

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"sanctum_mllp_{name}", text, labels, registry=self.registry)

    def received(self, frames: int) -> None:
        """Frames arrived whole."""
        self._received.inc(frames)

    def discarded(self, size: int) -> None:
        """Bytes arrived outside of frames."""
        self._discarded.inc(size)

    def committed(self, fates: Sequence[Fate], seconds: float) -> None:
        """A group is durable."""
        self._group.observe(len(fates))
        self._seconds.observe(seconds)
        for fate, number in Tally(fates).items():
            self._of_fate[fate].inc(number)

    def acked(self) -> None:
        """A message was taken, and its sender told so if it asked."""
        self._acked.inc()

    def nacked(self, code: str) -> None:
        """A message was not taken."""
        self._nacked.labels(code).inc()

    def unfinished(self) -> None:
        """A connection ended within a frame."""
        self._lost.inc()

    def turned_away(self, reason: str) -> None:
        """A connection was closed by us."""
        self._turned_away.labels(reason).inc()

    def store_failed(self) -> None:
        """A group could not be committed."""
        self._failures.inc()

    def serve(self, port: int) -> tuple[WSGIServer, Thread]:
        """Answer on loopback from a thread of its own; 0 takes any free port."""
        return start_http_server(port, addr=LOOPBACK, registry=self.registry)


class _Backlog(Collector):
    """Landed and not folded, as the database says at the moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Names alone: the database need not be up when the listener starts."""
        return [self._up(0.0)]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Ask the database; without it the listener's own figures are still told."""
        try:
            found = backlog(self._database)
        except DatabaseUnavailableError:
            yield self._up(0.0)
            return
        yield self._up(1.0)
        yield GaugeMetricFamily("sanctum_hl7_backlog_messages", "Landed and not folded.", found.messages)
        yield GaugeMetricFamily("sanctum_hl7_backlog_oldest_seconds", "Age of the oldest.", found.oldest_seconds)

    def _up(self, value: float) -> GaugeMetricFamily:
        return GaugeMetricFamily("sanctum_hl7_database_up", "Whether the backlog could be asked for.", value)
