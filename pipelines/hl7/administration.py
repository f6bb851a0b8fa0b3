"""PID, PV1 and PV2: what a message sets of a person and of a visit.

An empty field is no change and is absent from the result; ``""`` deletes and is None (HL7 v2.5.1 §2.5.3.4).
Sources: HL7 v2.5.1 §3.4.2 PID, §3.4.3 PV1, §3.4.4 PV2.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pipelines.hl7.message import Delimiters, Doubt, Message, Segment
from pipelines.hl7.values import DELETED, coding

Reader = Callable[[Segment, int], Any]

LONGEST_TEXT = 200
"""Characters of what was written that a doubt keeps."""

_GENDERS = {"F": "female", "M": "male", "O": "other", "A": "other", "U": "unknown"}
"""HL7 table 0001 as FHIR administrative genders, so that both sources agree."""

_CLASSES = {"I": "IMP", "E": "EMER", "O": "AMB", "P": "PRENC"}
"""HL7 table 0004 to the act codes of FHIR ``Encounter.class``; others stay as they are."""


_READERS: dict[str, dict[str, tuple[int, Reader]]] = {
    "PID": {
        "birth": (7, Segment.time),
        "gender_source_value": (8, lambda segment, n: _GENDERS.get(segment.text(n).upper(), segment.text(n))),
        "race_codings": (10, lambda segment, n: _codings(segment, n)),
        "ethnicity_codings": (22, lambda segment, n: _codings(segment, n)),
        "address": (11, lambda segment, n: _address(segment, n)),
        "death": (29, Segment.time),
        "deceased": (30, lambda segment, n: segment.text(n).upper() == "Y"),
    },
    "PV1": {
        "class_code": (2, lambda segment, n: _CLASSES.get(segment.text(n).upper(), segment.text(n))),
        "location": (3, lambda segment, n: _location(segment, n)),
        "prior_location": (6, lambda segment, n: _location(segment, n)),
        "temporary_location": (11, lambda segment, n: _location(segment, n)),
        "admitted_from": (14, Segment.text),
        "discharged_to": (36, Segment.text),
        "start": (44, Segment.time),
        "end": (45, Segment.time),
    },
    "PV2": {"protected": (22, lambda segment, n: segment.text(n).upper() != "N")},
}
"""Column and field number by segment, and how the field is read."""


def demographics(message: Message, doubts: list[Doubt]) -> dict[str, Any]:
    """Person columns that PID sets; ``birth`` and ``death`` are time stamps."""
    return _set(message, "PID", doubts)


def visit_values(message: Message, doubts: list[Doubt]) -> dict[str, Any]:
    """What PV1 and PV2 set of a visit; ``start`` and ``end`` are time stamps, locations are the components of PL.

    ``protected`` is PV2-22: whether access to the visit is protected. Anything but N counts as protected.
    """
    found = _set(message, "PV1", doubts)
    return found | _set(message, "PV2", doubts) if message.first("PV1") else {}


def _set(message: Message, name: str, doubts: list[Doubt]) -> dict[str, Any]:
    segment = message.first(name)
    if segment is None:
        return {}
    found, arisen = _read(name, segment.line, segment.delimiters)
    doubts.extend(arisen)
    return dict(found)


@lru_cache(maxsize=1 << 13)
def _read(name: str, line: str, delimiters: Delimiters) -> tuple[dict[str, Any], tuple[Doubt, ...]]:
    """What a segment sets; a patient's messages repeat it again and again."""
    segment = Segment(line, delimiters)
    found: dict[str, Any] = {}
    doubts = []
    for column, (number, read) in _READERS[name].items():
        written = segment.raw(number)
        if not written:
            continue
        if written == DELETED:
            found[column] = None
            continue
        value = read(segment, number)
        if value is None:
            doubts.append(Doubt("not_a_time", f"{name}-{number}", written[:LONGEST_TEXT]))
        # A field of delimiters only says nothing.
        elif value not in ("", [], {}, ()):
            found[column] = value
    return found, tuple(doubts)


def _codings(segment: Segment, number: int) -> list[dict[str, str]]:
    parts = segment.composites(number)
    found = (coding(part.text(1), part.text(2), part.text(3)) for part in parts)
    return [one for one in found if one is not None]


def _address(patient: Segment, number: int) -> dict[str, str]:
    """The first address without its street line: the CDM's location is for geography, not for finding a person."""
    part = patient.composite(number)
    columns = {"city": 3, "state": 4, "zip": 5, "country": 6, "county": 9}
    return {name: part.text(number) for name, number in columns.items() if part.text(number)}


def _location(visit: Segment, number: int) -> tuple[str, ...]:
    """Point of care, room, bed and facility of a PL, without what follows; none if all are empty."""
    part = visit.composite(number)
    found = tuple(part.text(number) for number in (1, 2, 3, 4))
    return found if any(found) else ()
