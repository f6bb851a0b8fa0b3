"""PID, PV1 and PV2: what a message sets of a person and of a visit.

An empty field is no change and is absent from the result; ``""`` deletes and is None (HL7 v2.5.1 §2.5.3.4).
Sources: HL7 v2.5.1 §3.4.2 PID, §3.4.3 PV1, §3.4.4 PV2.
"""

from collections.abc import Callable
from typing import Any

from pipelines.hl7.message import Message, Segment
from pipelines.hl7.values import DELETED, coding

_GENDERS = {"F": "female", "M": "male", "O": "other", "A": "other", "U": "unknown"}
"""HL7 table 0001 as FHIR administrative genders, so that both sources agree."""

_CLASSES = {"I": "IMP", "E": "EMER", "O": "AMB", "P": "PRENC"}
"""HL7 table 0004 to the act codes of FHIR ``Encounter.class``; others stay as they are."""


def demographics(message: Message) -> dict[str, Any]:
    """Person columns that PID sets; ``birth`` and ``death`` are time stamps."""
    patient = message.first("PID")
    if patient is None:
        return {}
    return _set(
        patient,
        {
            "birth": (7, lambda: patient.time(7)),
            "gender_source_value": (8, lambda: _GENDERS.get(patient.text(8).upper(), patient.text(8))),
            "race_codings": (10, lambda: _codings(patient, 10)),
            "ethnicity_codings": (22, lambda: _codings(patient, 22)),
            "address": (11, lambda: _address(patient)),
            "death": (29, lambda: patient.time(29)),
            "deceased": (30, lambda: patient.text(30).upper() == "Y"),
        },
    )


def visit_values(message: Message) -> dict[str, Any]:
    """What PV1 and PV2 set of a visit; ``start`` and ``end`` are time stamps, ``location`` is PV1-3 as text.

    ``protected`` is PV2-22: whether access to the visit is protected. Anything but N counts as protected.
    """
    visit, more = message.first("PV1"), message.first("PV2")
    if visit is None:
        return {}
    added = {} if more is None else _set(more, {"protected": (22, lambda: more.text(22).upper() != "N")})
    return added | _set(
        visit,
        {
            "class_code": (2, lambda: _CLASSES.get(visit.text(2).upper(), visit.text(2))),
            "location": (3, lambda: _location(visit)),
            "admitted_from": (14, lambda: visit.text(14)),
            "discharged_to": (36, lambda: visit.text(36)),
            "start": (44, lambda: visit.time(44)),
            "end": (45, lambda: visit.time(45)),
        },
    )


def _set(segment: Segment, readers: dict[str, tuple[int, Callable[[], Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (number, read) in readers.items():
        written = segment.raw(number)
        if written == DELETED:
            found[name] = None
        elif written:
            value = read()
            # A time stamp that is none, or a field of delimiters only, says nothing.
            if value not in (None, "", [], {}):
                found[name] = value
    return found


def _codings(segment: Segment, number: int) -> list[dict[str, str]]:
    parts = segment.composites(number, "CWE")
    found = (coding(part.text(1), part.text(2), part.text(3)) for part in parts)
    return [one for one in found if one is not None]


def _address(patient: Segment) -> dict[str, str]:
    """The first address without its street line: the CDM's location is for geography, not for finding a person."""
    part = patient.composite(11, "XAD")
    columns = {"city": 3, "state": 4, "zip": 5, "country": 6, "county": 9}
    return {name: part.text(number) for name, number in columns.items() if part.text(number)}


def _location(visit: Segment) -> str:
    """Point of care, room, bed and facility, as PV1-3 has them and without what follows."""
    part = visit.composite(3, "PL")
    return "^".join(part.text(number) for number in (1, 2, 3, 4)).rstrip("^")
