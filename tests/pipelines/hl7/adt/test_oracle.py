"""hl7apy reads the fields that we read, and alike; it says so of the real messages that it can parse."""

from pathlib import Path
from typing import Any

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_components

from pipelines.hl7.message import Composite, Message, MessageError, Segment, parse

FIELDS = {
    "MSH": ((3, "HD"), (4, "HD"), (9, "MSG")),
    "PID": ((3, "CX"), (5, "XPN"), (10, "CWE"), (11, "XAD"), (18, "CX")),
    "PV1": ((3, "PL"), (6, "PL"), (19, "CX"), (50, "CX")),
    "MRG": ((1, "CX"), (5, "CX")),
    "OBX": ((3, "CWE"),),
    "DG1": ((3, "CWE"),),
    "RXA": ((5, "CWE"),),
}


def _theirs(segment: Segment, text: str, datatype: str) -> dict[tuple[int, int], str]:
    """Components and subcomponents with a value, by number."""
    delimiters = segment.delimiters
    characters = {
        "SEGMENT": "\r",
        "GROUP": "\r",
        "FIELD": delimiters.field,
        "COMPONENT": delimiters.component,
        "SUBCOMPONENT": delimiters.subcomponent,
        "REPETITION": delimiters.repetition,
        "ESCAPE": delimiters.escape,
    }
    found: dict[tuple[int, int], str] = {}
    components = parse_components(text, datatype, "2.8.2", characters, VALIDATION_LEVEL.TOLERANT)
    for number, component in _numbered(components):
        for part, subcomponent in _numbered(list(component.children)):
            value = getattr(subcomponent.value, "value", subcomponent.value)
            # What it takes for a date it writes in its own way.
            if isinstance(value, str) and value.strip():
                found[number, part] = value.strip()
    return found


def _numbered(elements: list[Any]) -> list[tuple[int, Any]]:
    """hl7apy leaves absent elements out and names those of a defined type ``CX_4``."""
    numbered, last = [], 0
    for element in elements:
        number = str(element.name).rpartition("_")[2]
        last = int(number) if number.isdigit() else last + 1
        numbered.append((last, element))
    return numbered


def _ours(part: Composite, places: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    return {place: part.text(*place) for place in places}


def _messages(shared_data: Path) -> list[Message]:
    found = []
    for path in sorted((shared_data / "hl7v2").rglob("*.hl7")):
        try:
            found.append(parse(path.read_bytes().removeprefix(b"\xef\xbb\xbf").lstrip()))
        except MessageError:
            continue
    return found


def test_fields_that_both_read_are_equal(shared_data: Path) -> None:
    compared = 0
    for message in _messages(shared_data):
        for segment in message.segments:
            for number, datatype in FIELDS.get(segment.name, ()):
                for text in filter(None, segment.repetitions(number)):
                    if segment.delimiters.escape in text or not segment.delimiters.subcomponent:
                        continue
                    theirs = _theirs(segment, text, datatype)
                    assert _ours(Composite(text, segment.delimiters), set(theirs)) == theirs
                    compared += len(theirs)
    assert compared > 5000
