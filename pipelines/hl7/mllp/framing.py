"""Frames of a byte stream: ``0x0B message 0x1C 0x0D``, whatever the chunks in which it arrives.

Source: HL7 v2 Transport, MLLP release 1 §2 (block format).
"""

import re

START = b"\x0b"
END = b"\x1c"
RETURN = b"\x0d"

_SPECIAL = re.compile(rb"[\x0b\x1c]")


class OversizedFrameError(ValueError):
    """A frame is longer than the limit; the decoder takes nothing more.

    Attributes:
        head: the message's first bytes, enough for its MSH segment.
        frames: the frames that were complete before it.
    """

    HEAD_BYTES = 4096

    def __init__(self, head: bytes, frames: list[bytes]) -> None:
        super().__init__("a frame is longer than the limit")
        self.head = head
        self.frames = frames


class FrameDecoder:
    """Cuts one connection's bytes into messages; it holds the frame at hand and no more than the limit.

    Bytes outside of frames are discarded. A start within a frame begins it anew: what came before it was never whole
    and never answered. A second end is outside of frames.

    Attributes:
        discarded: bytes that were in no frame, or in one that began anew; without ends and starts.
    """

    def __init__(self, limit: int, *, end_without_return: bool = False) -> None:
        """Make a decoder.

        Args:
            limit: longest message in bytes.
            end_without_return: ``0x1C`` alone ends a frame; else it does so before ``0x0D``, and is data elsewhere.
        """
        self.discarded = 0
        self._limit = limit
        self._end_without_return = end_without_return
        self._body: bytearray | None = None
        self._is_ending = False
        self._is_over = False

    @property
    def is_inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._body is not None

    @property
    def held(self) -> int:
        """Bytes of the frame at hand."""
        return 0 if self._body is None else len(self._body)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes, in order.

        Raises:
            OversizedFrameError: once, when a frame exceeds the limit; later bytes are ignored.
        """
        if self._body is None and not self._is_over and len(data) - 3 <= self._limit and self._is_one_frame(data):
            return [data[1:-2]]
        frames: list[bytes] = []
        position = 0
        while position < len(data) and not self._is_over:
            if self._body is None:
                position = self._outside(data, position)
            elif self._is_ending:
                position = self._after_end(data, position, frames)
            else:
                position = self._inside(data, position, frames)
        return frames

    @staticmethod
    def _is_one_frame(data: bytes) -> bool:
        """Whether a chunk is what a sender sends that waits for each answer."""
        end = len(data) - 2
        return data[:1] == START and data[end:] == END + RETURN and data.find(END) == end and data.find(START, 1) < 0

    def _outside(self, data: bytes, position: int) -> int:
        start = data.find(START, position)
        if start >= 0:
            self._body = bytearray()
        end = start if start >= 0 else len(data)
        self.discarded += end - position - data.count(END, position, end) - data.count(RETURN, position, end)
        return end + 1

    def _inside(self, data: bytes, position: int, frames: list[bytes]) -> int:
        special = _SPECIAL.search(data, position)
        end = special.start() if special else len(data)
        self._take(data, position, end, frames)
        if special is None or self._is_over:
            return end
        if special.group() == START:
            self.discarded += self.held
            self._body = bytearray()
        elif self._end_without_return:
            self._finish(frames)
        else:
            self._is_ending = True
        return end + 1

    def _after_end(self, data: bytes, position: int, frames: list[bytes]) -> int:
        self._is_ending = False
        if data.startswith(RETURN, position):
            self._finish(frames)
            return position + 1
        self._take(END, 0, 1, frames)
        return position

    def _take(self, data: bytes, start: int, end: int, frames: list[bytes]) -> None:
        body = self._body
        if body is None:
            return
        if len(body) + end - start > self._limit:
            self._is_over = True
            self._body = None
            missing = max(0, OversizedFrameError.HEAD_BYTES - len(body))
            head = bytes(body[: OversizedFrameError.HEAD_BYTES]) + data[start : min(end, start + missing)]
            raise OversizedFrameError(head, frames)
        # Slicing would copy a chunk that is a part of one frame.
        body += data if end - start == len(data) else data[start:end]

    def _finish(self, frames: list[bytes]) -> None:
        if self._body is not None:
            frames.append(bytes(self._body))
        self._body = None
