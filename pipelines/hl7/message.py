"""A message as segments and fields; composite fields are read by hl7apy.

hl7apy parses single fields and not whole messages: it refuses five encoding characters, versions it does not know
and messages with one bad segment, all of which are common.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_components

from pipelines.hl7.values import Timestamp, timestamp, unescaped

_VERSION = "2.8.2"
"""hl7apy reads every field by the widest definitions: later versions only add components."""

_CHARACTER_SETS = {
    "8859/1": "latin-1",
    "8859/2": "iso-8859-2",
    "8859/15": "iso-8859-15",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
}
"""HL7 table 0211; others are tried as UTF-8."""

Parts = tuple[tuple[str, ...], ...]


class MessageError(ValueError):
    """A message that can't be used; ``reason`` is a fixed word, ``detail`` names fields, never values."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason if detail is None else f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Delimiters:
    """MSH-1 and MSH-2 (HL7 v2.5.1 §2.5.4)."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    @property
    def letters(self) -> dict[str, str]:
        """What escape sequences stand for."""
        return {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
        }


@dataclass(frozen=True)
class Composite:
    """One repetition of a field in its components."""

    parts: Parts
    delimiters: Delimiters

    def text(self, component: int, subcomponent: int = 1) -> str:
        """A component's text by HL7 number, empty if absent."""
        if component > len(self.parts) or subcomponent > len(self.parts[component - 1]):
            return ""
        return unescaped(self.parts[component - 1][subcomponent - 1], self.delimiters.letters).strip()


@dataclass(frozen=True)
class Segment:
    """A segment; fields count as in HL7, so ``fields[0]`` is its name."""

    name: str
    fields: tuple[str, ...]
    delimiters: Delimiters

    def raw(self, number: int) -> str:
        """A field as written, all repetitions; empty if absent."""
        return self.fields[number].strip() if number < len(self.fields) else ""

    def text(self, number: int) -> str:
        """The first repetition's first component, decoded."""
        first = self.raw(number).split(self.delimiters.repetition, 1)[0]
        return unescaped(first.split(self.delimiters.component, 1)[0], self.delimiters.letters).strip()

    def whole(self, number: int) -> str:
        """A field as one text: what FT, TX and ST values are; repetitions become lines."""
        lines = self.raw(number).split(self.delimiters.repetition)
        return "\n".join(unescaped(line, self.delimiters.letters) for line in lines)

    def time(self, number: int) -> Timestamp | None:
        """A field as a time stamp."""
        return timestamp(self.text(number))

    def composites(self, number: int, datatype: str) -> list[Composite]:
        """The repetitions of a field of a composite data type.

        Raises:
            MessageError: hl7apy can't read the field.
        """
        written = [part for part in self.raw(number).split(self.delimiters.repetition) if part]
        return [Composite(self._parts(part, number, datatype), self.delimiters) for part in written]

    def composite(self, number: int, datatype: str) -> Composite:
        """The first repetition, empty if the field is."""
        found = self.composites(number, datatype)
        return found[0] if found else Composite((), self.delimiters)

    def _parts(self, text: str, number: int, datatype: str) -> Parts:
        try:
            return _components(text, datatype, self.delimiters)
        # hl7apy lets Python's own errors through where a definition does not fit the text.
        except (HL7apyException, AttributeError, LookupError, TypeError, ValueError):
            raise MessageError("unreadable_field", f"{self.name}-{number}") from None


@lru_cache(maxsize=1 << 15)
def _components(text: str, datatype: str, delimiters: Delimiters) -> Parts:
    characters = {
        "SEGMENT": "\r",
        "GROUP": "\r",
        "FIELD": delimiters.field,
        "COMPONENT": delimiters.component,
        "SUBCOMPONENT": delimiters.subcomponent,
        "REPETITION": delimiters.repetition,
        "ESCAPE": delimiters.escape,
    }
    found = parse_components(text, datatype, _VERSION, characters, VALIDATION_LEVEL.TOLERANT)
    components = dict(zip(_positions(found), (_subcomponents(component) for component in found), strict=True))
    return tuple(components.get(n, ()) for n in range(1, max(components, default=0) + 1))


def _subcomponents(component: object) -> tuple[str, ...]:
    children = list(component.children)  # type: ignore[attr-defined]
    values = dict(zip(_positions(children), (_value(child) for child in children), strict=True))
    return tuple(values.get(n, "") for n in range(1, max(values, default=0) + 1))


def _positions(elements: list[object]) -> Iterator[int]:
    """HL7 numbers: hl7apy leaves absent elements out and names those of a defined type ``CX_4``."""
    last = 0
    for element in elements:
        _, _, number = str(element.name).rpartition("_")  # type: ignore[attr-defined]
        last = int(number) if number.isdigit() else last + 1
        yield last


def _value(subcomponent: object) -> str:
    value = subcomponent.value  # type: ignore[attr-defined]
    return str(getattr(value, "value", value) or "")


@dataclass(frozen=True)
class Message:
    """A message in segments, in their order."""

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        return next((segment for segment in self.segments if segment.name == name), None)

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
    characters = body[4:12].decode("latin-1").split(separator or "|")[0]
    if len(separator) == 0 or separator.isalnum() or separator.isspace() or not characters.strip():
        raise MessageError("not_hl7", "MSH-1, MSH-2")
    distinct = "".join(dict.fromkeys(characters))  # A doubled backslash in MSH-2 is a common mistake.
    delimiters = Delimiters(separator, *list(distinct + "^~\\&"[len(distinct) :])[:4])
    lines = re.split(rf"\r\n?|\n(?=[A-Z][A-Z0-9]{{2}}(?:{re.escape(separator)}|$))", _decoded(body, separator))
    return Message(tuple(_segment(line.strip("\n"), delimiters) for line in lines if line.strip()))


def _segment(line: str, delimiters: Delimiters) -> Segment:
    fields = line.split(delimiters.field)
    if fields[0] == "MSH":
        fields.insert(1, delimiters.field)
    return Segment(fields[0].strip(), tuple(fields), delimiters)


def _decoded(body: bytes, separator: str) -> str:
    """Text by MSH-18, else UTF-8, else Latin-1, in which any bytes are text; without NUL, which PostgreSQL refuses."""
    header = re.split(rb"[\r\n]", body, maxsplit=1)[0].decode("latin-1").split(separator)
    named = re.split(r"[^A-Za-z0-9/ -]", header[17], maxsplit=1)[0].strip().upper() if len(header) > 17 else ""
    try:
        text = body.decode(_CHARACTER_SETS.get(named, "utf-8"))
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    return text.replace("\x00", "")
