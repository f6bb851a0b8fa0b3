"""The store: messages of all connections that wait are committed together, and answered when they are durable.

What waits is bounded in number and bytes; a connection that finds no room stops reading its socket until there is.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from pipelines.hl7.mllp.arrival import Arrival, Fate
from pipelines.hl7.mllp.exchange import exchange
from pipelines.hl7.mllp.metrics import Metrics
from pipelines.hl7.mllp.writer import StoreDownError, Writer
from resources.postgres import Database
from resources.settings import Settings

_LOG = logging.getLogger(__name__)
_GROUP_BYTES = 8 << 20
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0

Told = Callable[[Fate], None]
"""Called in the event loop when a message is durable."""


class _Message(NamedTuple):
    arrival: Arrival
    told: Told


@dataclass
class _Waiting:
    messages: deque[_Message] = field(default_factory=deque)
    size: int = 0

    def take(self, most: int) -> list[_Message]:
        """The next group, at least one message."""
        group = [self.messages.popleft()]
        size = len(group[0].arrival.body)
        while self.messages and len(group) < most and size + len(self.messages[0].arrival.body) <= _GROUP_BYTES:
            group.append(self.messages.popleft())
            size += len(group[-1].arrival.body)
        self.size -= size
        return group


class Store:
    """Commits groups one after another, in the order of arrival, until it is stopped."""

    def __init__(self, settings: Settings, database: Database, metrics: Metrics) -> None:
        """Write to ``database`` from a thread of its own."""
        self._metrics = metrics
        self._group_messages = settings.mllp_group_messages
        self._most_bytes = settings.mllp_queue_bytes
        self._writer = Writer(settings, database)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mllp-store")
        self._waiting = _Waiting()
        self._wake = asyncio.Event()
        self._room: dict[Callable[[], None], None] = {}
        self._flush: dict[Callable[[], None], None] = {}
        self._is_busy = False

    @property
    def has_room(self) -> bool:
        """Whether another message may be given."""
        return self._waiting.size < self._most_bytes

    @property
    def is_idle(self) -> bool:
        """Whether everything that was given is durable."""
        return not self._is_busy and not self._waiting.messages

    def give(self, arrival: Arrival, told: Told) -> None:
        """Store a message; ``told`` is called once it is durable, never if the store stops before."""
        self._waiting.messages.append(_Message(arrival, told))
        self._waiting.size += len(arrival.body)
        self._wake.set()

    def when_room(self, call: Callable[[], None]) -> None:
        """Call once, after the next group."""
        self._room[call] = None

    def after_group(self, call: Callable[[], None]) -> None:
        """Call once, when all of the group at hand have been told."""
        self._flush[call] = None

    async def run(self) -> None:
        """Commit what is given until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting.messages:
                group = self._waiting.take(self._group_messages)
                self._is_busy = True
                fates = await self._durable([message.arrival for message in group])
                for message, fate in zip(group, fates, strict=True):
                    message.told(fate)
                self._is_busy = False
                self._call_all()
                # Who was answered may have sent again: what has come by now is in the next group.
                await asyncio.sleep(0)

    def close(self) -> None:
        """End the thread; a group that is not committed stays with its senders."""
        self._writer.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._writer.close()

    def _call_all(self) -> None:
        for calls in (self._flush, self._room):
            for call in list(calls):
                del calls[call]
                call()

    async def _exchanged(self, group: list[Arrival]) -> list[Fate] | None:
        """As ``exchange`` has it; None also where that is not for this group or there is no connection."""
        connection = self._writer.connection
        if connection is None or not all(arrival.is_landed for arrival in group):
            return None
        return await exchange(connection, group)

    async def _durable(self, group: list[Arrival]) -> list[Fate]:
        """What became of a group, tried until the store takes it."""
        delay = _FIRST_DELAY_SECONDS
        loop = asyncio.get_running_loop()
        while True:
            began = time.perf_counter()
            try:
                fates = await self._exchanged(group)
                if fates is None:
                    fates = await loop.run_in_executor(self._thread, self._writer.write, group)
            except StoreDownError as error:
                self._metrics.store_failed()
                _LOG.warning("nothing can be stored, next try in %.1f s: %s", delay, error)
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_DELAY_SECONDS)
            else:
                self._metrics.committed(fates, time.perf_counter() - began)
                return fates
