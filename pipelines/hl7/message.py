"""A message as segments, fields and components; nothing is copied or decoded twice, and nothing refused.

The splitter is ours: hl7apy's full parse refuses five encoding characters, versions it does not know and messages with
one bad segment, all of which are common. What it reads, we read alike: ``tests/pipelines/hl7/adt/test_oracle.py``.
"""

import dataclasses
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pipelines.hl7.values import LAST_YEAR, Timestamp, timestamp, unescaped

_CHARACTER_SETS = {
    "": "utf-8",
    "ASCII": "utf-8",
    "8859/1": "latin-1",
    "8859/2": "iso-8859-2",
    "8859/3": "iso-8859-3",
    "8859/4": "iso-8859-4",
    "8859/5": "iso-8859-5",
    "8859/6": "iso-8859-6",
    "8859/7": "iso-8859-7",
    "8859/8": "iso-8859-8",
    "8859/9": "iso-8859-9",
    "8859/15": "iso-8859-15",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
}
"""HL7 table 0211 to Python's names; ASCII is read as UTF-8, which it is part of."""

_LONGEST_HEADER = 4096
_LINE_END = re.compile(r"[\r\n]")
_NO_NAME = re.compile(r"[^A-Za-z0-9/ -]")


class MessageError(ValueError):
    """A message that can't be used; ``reason`` is a fixed word, ``detail`` names fields, never values."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason if detail is None else f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Doubt(NamedTuple):
    """Something about the data that is not right and stops nothing.

    Attributes:
        rule: a fixed word.
        element: where, such as ``PID-7``.
        text: what was written there.
    """

    rule: str
    element: str
    text: str


@dataclass(frozen=True, eq=False)
class Delimiters:
    """MSH-1 and MSH-2 (HL7 v2.5.1 §2.5.4); empty: the message has none of that kind, and nothing is split by it.

    Messages with the same share one, so that what is kept by it is found by its identity, without a look at each part.
    """

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str = ""
    letters: dict[str, str] = dataclasses.field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        named = zip("FSTREP", (self.field, self.component, self.subcomponent, self.repetition), strict=False)
        self.letters.update({**dict(named), "E": self.escape, "P": self.truncation or "#"})

    def decoded(self, text: str) -> str:
        """A part of a field, after it was split, as text."""
        return unescaped(text, self.letters).strip() if self.escape and self.escape in text else text.strip()

    def first(self, written: str) -> str:
        """The first component of a field's first repetition, decoded."""
        if self.repetition and self.repetition in written:
            written = written[: written.index(self.repetition)]
        if self.component and self.component in written:
            written = written[: written.index(self.component)]
        return unescaped(written, self.letters).strip() if self.escape and self.escape in written else written.strip()


class Composite:
    """One repetition of a field in its components."""

    __slots__ = ("_components", "_delimiters")

    def __init__(self, text: str, delimiters: Delimiters) -> None:
        self._delimiters = delimiters
        self._components = split(text, delimiters.component) if text else []

    def text(self, component: int, subcomponent: int = 1) -> str:
        """A component's text by HL7 number, empty if absent."""
        if component > len(self._components):
            return ""
        part = self._components[component - 1]
        mark = self._delimiters.subcomponent
        if mark and mark in part:
            parts = part.split(mark)
            part = parts[subcomponent - 1] if subcomponent <= len(parts) else ""
        elif subcomponent > 1:
            return ""
        return self._delimiters.decoded(part)

    def whole(self, component: int) -> str:
        """A component with what looks like subcomponents, as text components of documents are."""
        return self._delimiters.decoded(self._components[component - 1]) if component <= len(self._components) else ""


def split(text: str, delimiter: str) -> list[str]:
    """Parts of a text; the text itself where the message has no such delimiter."""
    return text.split(delimiter) if delimiter else [text]


class Segment:
    """A segment; fields count as in HL7, so ``fields[0]`` is its name."""

    __slots__ = ("_fields", "_line", "delimiters", "name")

    def __init__(self, line: str, delimiters: Delimiters) -> None:
        self._line = line
        self._fields: list[str] | None = None
        self.delimiters = delimiters
        self.name = line.partition(delimiters.field)[0].strip()

    @property
    def fields(self) -> list[str]:
        """Every field as written; split when first asked for."""
        if self._fields is None:
            self._fields = self._line.split(self.delimiters.field)
            if self.name == "MSH":
                self._fields.insert(1, self.delimiters.field)
        return self._fields

    def raw(self, number: int) -> str:
        """A field as written, all repetitions; empty if absent."""
        fields = self._fields or self.fields
        return fields[number].strip() if number < len(fields) else ""

    @property
    def line(self) -> str:
        """The segment as written."""
        return self._line

    def repetitions(self, number: int) -> list[str]:
        """The repetitions of a field as written."""
        written = self.raw(number)
        return split(written, self.delimiters.repetition) if written else []

    def text(self, number: int) -> str:
        """The first repetition's first component, decoded."""
        written = self.raw(number)
        return self.delimiters.first(written) if written else ""

    def whole(self, number: int) -> str:
        """A field as one text: what FT, TX and ST values are; repetitions become lines."""
        return "\n".join(unescaped(line, self.delimiters.letters) for line in self.repetitions(number))

    def time(self, number: int) -> Timestamp | None:
        """A field as a time stamp; the last year of the calendar stands for no time."""
        found = timestamp(self.text(number))
        return found if found is not None and found.day.year <= LAST_YEAR else None

    def composites(self, number: int) -> list[Composite]:
        """The repetitions of a field that has components."""
        return [Composite(part, self.delimiters) for part in self.repetitions(number) if part]

    def composite(self, number: int) -> Composite:
        """The first repetition, empty if the field is."""
        found = self.composites(number)
        return found[0] if found else Composite("", self.delimiters)


@dataclass(frozen=True)
class Message:
    """A message in segments, in their order.

    Attributes:
        doubts: what was not right about the message as a whole.
    """

    segments: tuple[Segment, ...]
    doubts: tuple[Doubt, ...] = ()

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        return None

    def all(self, name: str) -> list[Segment]:
        """All segments of that name."""
        return [segment for segment in self.segments if segment.name == name]


def parse(body: bytes) -> Message:
    """Segments of a message.

    Carriage returns end segments; a line feed does so where a segment follows it, else it is data.

    Raises:
        MessageError: ``not_hl7`` if MSH-1 and MSH-2 can't be read.
    """
    separator = body[3:4].decode("latin-1")
    characters = body[4:12].decode("latin-1").partition(separator or "|")[0]
    if len(separator) == 0 or separator.isalnum() or separator.isspace() or not characters.strip():
        raise MessageError("not_hl7", "MSH-1, MSH-2")
    delimiters = _delimiters(separator, characters)
    text, doubts = _decoded(body, separator)
    if "\n" in text:
        lines = re.split(rf"\r\n?|\n(?=[A-Z][A-Z0-9]{{2}}(?:{re.escape(separator)}|$))", text)
        lines = [line.strip("\n") for line in lines]
    else:
        lines = text.split("\r")
    return Message(tuple([Segment(line, delimiters) for line in lines if line and not line.isspace()]), doubts)


def parts(message: Message) -> list[Message]:
    """The message once for each PID, and for each MRG of one PID: with its header and what follows up to the next.

    Sources: HL7 v2.5.1 §3.3.17 A17, §3.3.24 A24, §3.3.40 A40, §3.3.45 A45, §7.3.1 ORU: each may name several patients.
    """
    names = [segment.name for segment in message.segments]
    if names.count("PID") <= 1 and names.count("MRG") <= 1:
        return [message]
    head: list[Segment] = []
    found: list[list[Segment]] = []
    patient: list[Segment] = []
    has_merge = False
    for segment in message.segments:
        if segment.name == "PID":
            patient, has_merge = [segment], False
            found.append([segment])
        elif segment.name == "MRG" and has_merge:
            found.append([*patient, segment])
        elif found:
            found[-1].append(segment)
        else:
            head.append(segment)
        has_merge = has_merge or segment.name == "MRG"
    return [Message((*head, *part)) for part in found] or [message]


@lru_cache(maxsize=256)
def _delimiters(separator: str, characters: str) -> Delimiters:
    """MSH-2 of one to five characters; a doubled backslash in it is a common mistake."""
    characters = _LINE_END.split(characters, maxsplit=1)[0]
    distinct = "".join(dict.fromkeys(characters))[:5]
    component, repetition, escape, subcomponent, truncation = (*distinct, *[""] * (5 - len(distinct)))
    # Who names no escape character may still write the usual one; unpaired it is text anyway.
    usual = "" if "\\" in distinct or separator == "\\" else "\\"
    return Delimiters(separator, component, repetition, escape or usual, subcomponent, truncation)


def _decoded(body: bytes, separator: str) -> tuple[str, tuple[Doubt, ...]]:
    """Text by MSH-18, else UTF-8, else Windows-1252; without NUL, which PostgreSQL refuses."""
    line = body[:_LONGEST_HEADER].partition(b"\r")[0].partition(b"\n")[0]
    header = line.decode("latin-1").split(separator, 18)
    written = header[17].replace("\x00", "").strip() if len(header) > 17 else ""
    named = _NO_NAME.split(written, maxsplit=1)[0].strip().upper() if written else ""
    doubts = []
    if named not in _CHARACTER_SETS:
        doubts.append(Doubt("unknown_character_set", "MSH-18", written[:100]))
    try:
        text = body.decode(_CHARACTER_SETS.get(named, "utf-8"))
    except UnicodeDecodeError:
        doubts.append(Doubt("not_in_character_set", "MSH-18", written[:100]))
        text = _western(body)
    if "\x00" in text:
        doubts.append(Doubt("nul_character", "message", str(text.count("\x00"))))
        text = text.replace("\x00", "")
    return text, tuple(doubts)


def _western(body: bytes) -> str:
    """Windows-1252, and Latin-1 where that has no character for a byte: any bytes are text in it."""
    try:
        return body.decode("cp1252")
    except UnicodeDecodeError:
        return body.decode("latin-1")
