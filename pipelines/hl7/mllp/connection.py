"""One sender's connection: frames in, answers out in the order of the frames."""

import asyncio
import hashlib
import logging
from collections import deque
from dataclasses import dataclass
from typing import cast

from pipelines.hl7.mllp import acknowledgement
from pipelines.hl7.mllp.acknowledgement import Acknowledger, Refusal, read_envelope, without_leading_blanks
from pipelines.hl7.mllp.arrival import Arrival, Fate, Reception
from pipelines.hl7.mllp.framing import END, RETURN, START, FrameDecoder, OversizedFrameError
from pipelines.hl7.mllp.metrics import Metrics
from pipelines.hl7.mllp.store import Store
from resources.settings import Settings

_LOG = logging.getLogger(__name__)
_LINGER_SECONDS = 2.0


@dataclass(frozen=True)
class Rooms:
    """What all connections of a listener share."""

    settings: Settings
    reception: Reception
    acknowledger: Acknowledger
    store: Store
    metrics: Metrics


@dataclass(eq=False)
class _Slot:
    """The place of one frame's answers; None until what became of it is known."""

    answers: list[bytes] | None = None


class Connection(asyncio.Protocol):
    """Takes frames as long as fewer than the settings' window are unanswered and the store has room.

    Attributes:
        number: by which logs call it.
        heard: when bytes last came, or could not come because we did not read, as the loop's clock says.
    """

    def __init__(self, rooms: Rooms, number: int) -> None:
        """Make the protocol of a connection that is about to open."""
        self.number = number
        self.heard = 0.0
        self._rooms = rooms
        self._decoder = FrameDecoder(
            rooms.settings.mllp_message_bytes, end_without_return=rooms.settings.mllp_end_without_return
        )
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames: deque[bytes] = deque()
        self._slots: deque[_Slot] = deque()
        self._too_long: bytes | None = None
        self._is_ending = False
        self._is_closing = False
        self._is_choked = False
        self._is_paused = False
        self._discarded = 0
        self._frame_since: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether frames are here that are not answered."""
        return bool(self._frames or self._slots or self._too_long is not None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A sender is there."""
        self._transport = cast(asyncio.Transport, transport)
        self.heard = self._loop.time()
        self._rooms.metrics.connections.inc()
        _LOG.info("connection %d opened", self.number)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.heard = self._loop.time()
        if self._is_ending:
            return
        try:
            frames = self._decoder.feed(data)
        except OversizedFrameError as error:
            frames = error.frames
            self._too_long = error.head
            self._is_ending = True
        if frames:
            self._rooms.metrics.received(len(frames))
            self._frames.extend(frames)
        if frames or not self._decoder.is_inside:
            self._frame_since = None
        if self._decoder.is_inside and self._frame_since is None:
            self._frame_since = self.heard
        if self._decoder.discarded != self._discarded:
            self._rooms.metrics.discarded(self._decoder.discarded - self._discarded)
            self._discarded = self._decoder.discarded
        self._advance()

    def eof_received(self) -> bool:
        """The sender sends no more; what it waits for is still answered, except over TLS, which can't be half open."""
        self._note_unfinished()
        self._is_ending = True
        self._advance()
        is_encrypted = self._transport is not None and self._transport.get_extra_info("ssl_object") is not None
        return self.is_waiting and not is_encrypted

    def connection_lost(self, _error: Exception | None) -> None:
        """The sender is gone: what it did not hear it sends again, and is then known."""
        self._note_unfinished()
        self._transport = None
        self._frames.clear()
        self._slots.clear()
        self._too_long = None
        self._rooms.metrics.connections.dec()
        _LOG.info("connection %d closed", self.number)

    def pause_writing(self) -> None:
        """The sender does not read its answers: nothing more is read from it."""
        self._is_choked = True
        self._regulate()

    def resume_writing(self) -> None:
        """The sender reads again."""
        self._is_choked = False
        self.heard = self._loop.time()
        self._advance()

    def look(self, now: float) -> None:
        """Close the connection if its sender is too slow or has been silent for too long."""
        settings = self._rooms.settings
        if self._is_paused and not self._is_choked:
            # It can't send because we don't read.
            self.heard = now
            self._frame_since = None if self._frame_since is None else now
        slow = self._frame_since is not None and now - self._frame_since > settings.mllp_frame_seconds
        silent = now - self.heard
        deaf = self._is_choked and silent > settings.mllp_frame_seconds
        idle = bool(settings.mllp_idle_seconds) and silent > settings.mllp_idle_seconds and not self.is_waiting
        if slow or deaf or idle:
            self.turn_away("slow" if slow else "deaf" if deaf else "idle")

    def turn_away(self, reason: str) -> None:
        """Close at once."""
        self._rooms.metrics.turned_away(reason)
        _LOG.warning("connection %d turned away: %s", self.number, reason)
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """Take no more frames, and close once those that were taken are answered."""
        self._is_ending = True
        self._frames.clear()
        self._too_long = None
        self._regulate()
        self._close_if_done()

    def _advance(self) -> None:
        """Send what is answered, and take as many frames as may be unanswered, until neither can go on."""
        window, store = self._rooms.settings.mllp_window, self._rooms.store
        while True:
            self._flush()
            if not self._frames or len(self._slots) >= window or not store.has_room:
                break
            while self._frames and len(self._slots) < window and store.has_room:
                self._take(self._frames.popleft())
        if self._frames and not store.has_room:
            store.when_room(self._advance)
        if not self._frames and self._too_long is not None:
            head = without_leading_blanks(self._too_long)
            self._refuse(Arrival(head, read_envelope(head)), acknowledgement.TOO_LONG)
            self._too_long = None
            self._flush()
        self._regulate()

    def _take(self, frame: bytes) -> None:
        arrival = self._rooms.reception.receive(frame)
        if arrival.refusal is not None and arrival.problem is None:
            self._refuse(arrival, arrival.refusal)
            return
        slot = _Slot()
        self._slots.append(slot)
        self._rooms.store.give(arrival, lambda fate: self._told(slot, arrival, fate))

    def _told(self, slot: _Slot, arrival: Arrival, fate: Fate) -> None:
        refusal = acknowledgement.NOT_STORED if fate is Fate.NOT_STORED else arrival.refusal
        self._answer(slot, arrival, refusal)
        self._rooms.store.after_group(self._advance)

    def _refuse(self, arrival: Arrival, refusal: Refusal) -> None:
        """Answer without the store."""
        slot = _Slot()
        self._slots.append(slot)
        self._answer(slot, arrival, refusal)

    def _answer(self, slot: _Slot, arrival: Arrival, refusal: Refusal | None) -> None:
        slot.answers = self._rooms.acknowledger.answers(arrival.envelope, refusal)
        if refusal is None:
            self._rooms.metrics.acked()
            return
        self._rooms.metrics.nacked("AE" if refusal.is_ours else "AR")
        digest = hashlib.sha256(arrival.body).hexdigest()[:12]
        _LOG.warning("connection %d: %s (sha256 %s) refused: %s", self.number, arrival.kind, digest, refusal.text)

    def _flush(self) -> None:
        """Send the answers that are next in order."""
        if self._slots and self._slots[0].answers is None:
            return
        ready: list[bytes] = []
        while self._slots and (answers := self._slots[0].answers) is not None:
            self._slots.popleft()
            for answer in answers:
                ready += (START, answer, END, RETURN)
        if ready and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(ready))
        self._close_if_done()

    def _close_if_done(self) -> None:
        """Say that no more answers come, and read on for a moment: bytes unread at a close would take answers away."""
        transport = self._transport
        if not self._is_ending or self.is_waiting or self._is_closing or transport is None:
            return
        self._is_closing = True
        try:
            if transport.can_write_eof():
                transport.write_eof()
                self._loop.call_later(_LINGER_SECONDS, transport.close)
                return
        except OSError:
            # The sender is gone already, which the loop is about to tell us.
            _LOG.debug("connection %d was closed by its sender", self.number)
        transport.close()

    def _regulate(self) -> None:
        """Read the socket only while what it gives can be taken."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        window = self._rooms.settings.mllp_window
        wanted = bool(self._is_choked or self._frames or len(self._slots) >= window)
        if wanted and not self._is_paused:
            transport.pause_reading()
        elif self._is_paused and not wanted:
            transport.resume_reading()
            self.heard = self._loop.time()
        self._is_paused = wanted

    def _note_unfinished(self) -> None:
        if self._decoder.is_inside and not self._is_ending:
            self._rooms.metrics.unfinished()
