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


@dataclass
class _Envelope:
    """A file or batch that is open: what its trailer must count."""

    members: int = 0


class _Splitter:
    def __init__(self) -> None:
        self._open: _Open | None = None
        self._in_frame = False
        self._file: _Envelope | None = None
        self._batch: _Envelope | None = None

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
            if self._batch:
                self._batch.members += 1
        elif line[:3] in _ENVELOPE_OPEN + _ENVELOPE_CLOSE and _NAME.match(line[:4] + b"|"):
            yield from self._close(None)
            yield from self._envelope(offset, line)
        elif self._open:
            self._open.lines.append(line)
        elif line.strip():
            self._open = _Open(offset, False, [line])

    def _envelope(self, offset: int, line: bytes) -> Iterator[Piece]:
        """A header or trailer of a file or batch (HL7 v2.5.1 §2.10.3); a count that is not right is told."""
        name = line[:3]
        if name == b"FHS":
            self._file = _Envelope()
        elif name == b"BHS":
            self._batch = _Envelope()
            if self._file:
                self._file.members += 1
        elif name == b"BTS":
            if self._batch and _differs(line, self._batch.members):
                yield Piece(offset, b"", "batch_count_differs")
            self._batch = None
        else:
            if self._file and self._file.members and _differs(line, self._file.members):
                yield Piece(offset, b"", "batch_count_differs")
            self._file = self._batch = None

    def end(self, length: int) -> Iterator[Piece]:
        """What is left: a message whose frame did not close, or that ends in the middle of a line, may lack its end."""
        in_envelope = self._file is not None or self._batch is not None
        is_cut = self._open is not None and not self._open.lines[-1].endswith((b"\r", b"\n"))
        yield from self._close("truncated_message" if self._in_frame or (in_envelope and is_cut) else None)
        if in_envelope:
            yield Piece(length, b"", "missing_trailer")

    def _close(self, problem: str | None) -> Iterator[Piece]:
        if self._open:
            yield self._open.piece(problem)
        self._open = None


def _differs(line: bytes, members: int) -> bool:
    """Whether the first field of a trailer is a number, and another one."""
    said = line[4:].split(line[3:4], 1)[0].strip() if len(line) > 4 else b""
    return said.isdigit() and int(said[:18]) != members


def split(stream: BinaryIO) -> Iterator[Piece]:
    """Messages of a file in order; memory is bounded by the longest message.

    A message starts with ``MSH`` at the start of a line. Text before the first is ``no_msh``; the last message of a
    frame without end, or in mid-line of a batch without trailer, is ``truncated_message``; an empty file is one
    ``no_msh``. Of a file whose envelope is not as it says there is a piece without bytes, ``batch_count_differs`` or
    ``missing_trailer``: its messages count, and it may not be whole.
    """
    splitter = _Splitter()
    found = False
    length = 0
    for offset, line in _lines(stream):
        length = offset + len(line)
        for piece in splitter.take(offset, line):
            found = True
            yield piece
    for piece in splitter.end(length):
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
