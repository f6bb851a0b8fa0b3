"""Messages of a file: one or many, in batch envelopes, in MLLP frames, with any segment terminator.

Sources: HL7 v2.5.1 §2.3 (segments), §2.10.3 (batch protocol); HL7 v2 Transport, MLLP release 1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_BLOCK = 1 << 20
_FRAME_START = b"\x0b"
_FRAME_END = b"\x1c"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_END = re.compile(rb"\r\n|[\r\n\x0b\x1c]")
_ENVELOPE_OPEN = (b"FHS", b"BHS")
_ENVELOPE_CLOSE = (b"BTS", b"FTS")
_NAME = re.compile(rb"[A-Z][A-Z0-9]{2}[^A-Za-z0-9]")


@dataclass(frozen=True)
class Piece:
    """One message's bytes without trailing line ends, or bytes that are no whole message.

    Attributes:
        byte_offset: in the decompressed content.
        body: the bytes as received.
        problem: a quarantine reason, None for a message.
    """

    byte_offset: int
    body: bytes
    problem: str | None = None


@dataclass
class _Open:
    """The message or stray text that is being gathered."""

    byte_offset: int
    is_message: bool
    lines: list[bytes] = field(default_factory=list)

    def piece(self, problem: str | None) -> Piece:
        reason = problem if self.is_message else "no_msh"
        return Piece(self.byte_offset, b"".join(self.lines).rstrip(b"\r\n"), reason)


class _Splitter:
    def __init__(self) -> None:
        self._open: _Open | None = None
        self._in_frame = False
        self._in_envelope = False

    def take(self, offset: int, line: bytes) -> Iterator[Piece]:
        """Whatever ``line`` ends."""
        if line == _FRAME_START:
            yield from self._close("truncated_message" if self._in_frame else None)
            self._in_frame = True
        elif line == _FRAME_END:
            yield from self._close(None)
            self._in_frame = False
        elif line[:3] == b"MSH":
            yield from self._close(None)
            self._open = _Open(offset, True, [line])
        elif line[:3] in _ENVELOPE_OPEN + _ENVELOPE_CLOSE and _NAME.match(line[:4] + b"|"):
            yield from self._close(None)
            self._in_envelope = line[:3] in _ENVELOPE_OPEN
        elif self._open:
            self._open.lines.append(line)
        elif line.strip():
            self._open = _Open(offset, False, [line])

    def end(self) -> Iterator[Piece]:
        """What is left: a message whose frame or batch did not close may lack its end."""
        yield from self._close("truncated_message" if self._in_frame or self._in_envelope else None)

    def _close(self, problem: str | None) -> Iterator[Piece]:
        if self._open:
            yield self._open.piece(problem)
        self._open = None


def split(stream: BinaryIO) -> Iterator[Piece]:
    """Messages of a file in order; memory is bounded by the longest message.

    A message starts with ``MSH`` at the start of a line. Text before the first is ``no_msh``; the last message of a
    frame without end or a batch without trailer is ``truncated_message``; an empty file is one ``no_msh``.
    """
    splitter = _Splitter()
    found = False
    for offset, line in _lines(stream):
        for piece in splitter.take(offset, line):
            found = True
            yield piece
    for piece in splitter.end():
        found = True
        yield piece
    if not found:
        yield Piece(0, b"", "no_msh")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines with their terminators, and each frame byte by itself."""
    waiting = stream.read(_BLOCK)
    offset = len(_BYTE_ORDER_MARK) if waiting.startswith(_BYTE_ORDER_MARK) else 0
    waiting = waiting[offset:]
    more = True
    while more:
        block = stream.read(_BLOCK)
        more = bool(block)
        position = 0
        for end in _END.finditer(waiting):
            # A carriage return at the end of what was read may have its line feed in the next block.
            if end.end() == len(waiting) and more:
                break
            after = end.start() if end.group() in (_FRAME_START, _FRAME_END) else end.end()
            if after > position:
                yield offset + position, waiting[position:after]
            if after < end.end():
                yield offset + after, end.group()
            position = end.end()
        offset += position
        waiting = waiting[position:] + block
    if waiting:
        yield offset, waiting
