"""Acknowledgements, made of the received header's own bytes.

Source: HL7 v2.5.1 §2.9.2 (original and enhanced mode), §2.15.8 MSA, §2.15.5 ERR; tables 0008, 0155, 0357.
"""

import itertools
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

_BLANK = b"\xef\xbb\xbf \t\r\n"
_HEADER = re.compile(rb"(?:\A|[\r\n])MSH[^\r\n]*")
_LONGEST_HEADER = 4096
_LONGEST_KNOWN, _MOST_KNOWN = 1024, 1024
"""Bytes of a header whose answers are kept, and how many are: a sender's own words must not fill our memory."""

_FRAMING = re.compile(rb"[\x0b\x1c\r\n]")
_CODE = re.compile(rb"[A-Za-z0-9]{1,7}")
_VERSION = re.compile(rb"2(?:\.(\d+))?")
_FIRST_VERSION_WITH_ERROR_FIELDS = 5
"""ERR-3 and ERR-4 are there since 2.5; before, ERR-1 holds the code."""

_ANSWERS_TO_ANSWERS = (b"ACK", b"MCF")


@dataclass(frozen=True)
class Refusal:
    """Why a message is not taken.

    Attributes:
        is_ours: the fault is on our side, so that the sender may try again (AE, CE); else AR, CR.
        code: HL7 table 0357.
        text: fixed words, sent in ERR; never content.
    """

    is_ours: bool
    code: str
    text: str


UNREADABLE_HEADER = Refusal(False, "100", "MSH can not be read")
NO_TYPE = Refusal(False, "101", "MSH-9 is missing")
SEVERAL_MESSAGES = Refusal(False, "100", "Several messages in one frame")
UNSUPPORTED_TYPE = Refusal(False, "200", "Unsupported message type")
UNSUPPORTED_PROCESSING_ID = Refusal(False, "202", "Unsupported processing id")
UNSUPPORTED_VERSION = Refusal(False, "203", "Unsupported version id")
TOO_LONG = Refusal(False, "207", "Message is too long")
SENDER_NOT_ALLOWED = Refusal(False, "207", "Sender is not allowed")
NOT_STORED = Refusal(True, "207", "Message can not be stored")


class Mode(Enum):
    """Which answers a message asks for by MSH-15 and MSH-16."""

    ORIGINAL = "original"
    ENHANCED = "enhanced"


class Envelope(NamedTuple):
    """MSH as bytes.

    Attributes:
        fields: ``fields[n - 1]`` is MSH-n for n ≥ 2, as received.
        separator: MSH-1.
        is_whole: whether MSH-1 and MSH-2 could be read; else all is guessed and may be empty.
    """

    fields: Sequence[bytes]
    separator: bytes
    is_whole: bool

    def field(self, number: int) -> bytes:
        """MSH-n as received; empty if absent."""
        return self.fields[number - 1] if number <= len(self.fields) else b""

    def components(self, number: int) -> list[bytes]:
        """The components of MSH-n's first repetition."""
        marks = self.field(2)
        first = self.field(number).split(marks[1:2], 1)[0] if len(marks) > 1 else self.field(number)
        return first.split(marks[:1]) if marks else [first]

    @property
    def message_code(self) -> bytes:
        """MSH-9.1, empty if it is no word of HL7."""
        code = self.components(9)[0].strip().upper()
        return code if _CODE.fullmatch(code) else b""

    @property
    def trigger(self) -> bytes:
        """MSH-9.2, empty if it is no word of HL7."""
        parts = self.components(9)
        trigger = parts[1].strip() if len(parts) > 1 else b""
        return trigger if _CODE.fullmatch(trigger) else b""

    @property
    def is_acknowledgement(self) -> bool:
        """Whether it is an answer itself, which is never answered."""
        return self.message_code in _ANSWERS_TO_ANSWERS

    @property
    def mode(self) -> Mode:
        """Enhanced if MSH-15 or MSH-16 has a value (§2.9.2)."""
        return Mode.ENHANCED if self._condition(15) or self._condition(16) else Mode.ORIGINAL

    def _condition(self, number: int) -> bytes:
        value = self.field(number).strip().upper()
        return b"" if value == b'""' else value

    def asks(self, number: int, *, failed: bool) -> bool:
        """Whether MSH-15 or MSH-16 asks for an answer in this case (table 0155); an unknown word asks always."""
        condition = self._condition(number)
        return condition not in (b"", b"NE") and condition != (b"SU" if failed else b"ER")


def without_leading_blanks(frame: bytes) -> bytes:
    """A frame's message as landing keeps it: without byte order mark and blank lines before it and line ends after."""
    return frame.lstrip(_BLANK).rstrip(b"\r\n") if frame[:3] != b"MSH" else frame.rstrip(b"\r\n")


def read_envelope(message: bytes) -> Envelope:
    """The envelope of a message, or the best guess at one: it is never refused."""
    if message[:3] == b"MSH":
        line = message[: 1 << 16].partition(b"\r")[0].partition(b"\n")[0]
        separator = line[3:4]
        if separator and not separator.isalnum() and not separator.isspace():
            fields = line.split(separator)
            if fields[1].strip():
                return Envelope(fields, separator, True)
    found = _HEADER.search(message[:_LONGEST_HEADER])
    line = found.group().strip() if found else b""
    if line[3:5] == b"|^":
        return Envelope(line.split(b"|"), b"|", False)
    return Envelope([b"MSH", b"^~\\&"], b"|", False)


class _Form(NamedTuple):
    """An answer but for its time, its own MSH-10 and the message's: one of them stands after each part but the last."""

    head: bytes
    middle: bytes
    tail: bytes
    end: bytes


class Acknowledger:
    """Makes answers, each with an MSH-10 that no other has."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(5).encode()
        self._numbers = itertools.count(1)
        self._second = 0
        self._now = b""
        self._known: dict[tuple[bytes, ...], list[_Form]] = {}

    def answers(self, envelope: Envelope, refusal: Refusal | None) -> list[bytes]:
        """The acknowledgements that a message asks for, none to many, without frames.

        Args:
            envelope: of the message.
            refusal: why it is not taken; None: it is stored durably.
        """
        forms = self._forms_of_stored(envelope) if refusal is None else _forms(envelope, refusal)
        control, now = _clean(envelope.field(10)), self._time()
        return [
            b"%b%b%b%b%09x%b%b%b"
            % (form.head, now, form.middle, self._prefix, next(self._numbers), form.tail, control, form.end)
            for form in forms
        ]

    def _forms_of_stored(self, envelope: Envelope) -> list[_Form]:
        """As ``_forms``: the same for all messages that differ in MSH-7, MSH-8, MSH-10, MSH-13 and MSH-14 alone."""
        fields = envelope.fields
        key = (envelope.separator, *fields[1:6], *fields[8:9], *fields[10:12], *fields[14:])
        found = self._known.get(key)
        if found is None:
            found = _forms(envelope, None)
            if sum(map(len, key)) <= _LONGEST_KNOWN:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[key] = found
        return found

    def _time(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._now = second, time.strftime("%Y%m%d%H%M%S+0000", time.gmtime(second)).encode()
        return self._now


def _forms(envelope: Envelope, refusal: Refusal | None) -> list[_Form]:
    """The forms of what a message asks for."""
    if envelope.is_acknowledgement:
        return []
    letter = b"A" if refusal is None else b"E" if refusal.is_ours else b"R"
    if envelope.mode is Mode.ORIGINAL:
        return [_form(envelope, b"A" + letter, refusal)]
    failed = refusal is not None
    accept, application = envelope.asks(15, failed=failed), envelope.asks(16, failed=failed)
    found = [_form(envelope, b"C" + letter, refusal)] if accept else []
    # What was not accepted never reached the application, whose answer stands in only where no other is asked for.
    if application and not (failed and accept):
        found.append(_form(envelope, b"A" + letter, refusal))
    return found


def _form(envelope: Envelope, code: bytes, refusal: Refusal | None) -> _Form:
    separator = envelope.separator
    marks = _clean(envelope.field(2)) or b"^~\\&"
    component = marks[:1]
    kind = component.join((b"ACK", envelope.trigger, b"ACK")) if envelope.trigger else b"ACK"
    parties = (_clean(envelope.field(number)) for number in (5, 6, 3, 4))
    rest = [_clean(envelope.field(11)) or b"P", _clean(envelope.field(12)) or b"2.5.1"]
    if character_set := _clean(envelope.field(18)):
        rest += [b"", b"", b"", b"", b"", character_set]
    return _Form(
        head=separator.join((b"MSH", marks, *parties, b"")),
        middle=separator.join((b"", b"", kind, b"")),
        tail=separator.join((b"", *rest)) + b"\r" + separator.join((b"MSA", code, b"")),
        end=b"\r" if refusal is None else b"\r" + _error(envelope, refusal, component) + b"\r",
    )


def _error(envelope: Envelope, refusal: Refusal, component: bytes) -> bytes:
    """ERR of the message's version; texts hold neither delimiters nor content."""
    separator, coded = envelope.separator, component.join((refusal.code.encode(), refusal.text.encode(), b"HL70357"))
    version = _VERSION.match(envelope.field(12).strip())
    if version and int(version.group(1) or 0) < _FIRST_VERSION_WITH_ERROR_FIELDS:
        marks = envelope.field(2)
        subcomponent = marks[3:4] or b"&"
        return separator.join((b"ERR", component * 3 + coded.replace(component, subcomponent)))
    return separator.join((b"ERR", b"", b"", coded, b"E"))


def _clean(field: bytes) -> bytes:
    """A field as received, without bytes that would end the answer's segment or frame."""
    return field if _FRAMING.search(field) is None else _FRAMING.sub(b"", field)
