"""OBR and OBX: orders and their results.

Sources: HL7 v2.5.1 §7.4.1 OBR, §7.4.2 OBX, tables 0085 (result status) and 0125 (value type).
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.hl7.clinical import Coding, coded
from pipelines.hl7.documents import encapsulated_text, note_columns
from pipelines.hl7.message import Message, Segment
from pipelines.hl7.values import DELETED, UNITS, Timestamp

_STATUSES = {"F": "final", "U": "final", "C": "corrected", "A": "amended"}
_WITHDRAWN = frozenset({"D", "W", "X"})
_LABORATORY = frozenset({"LAB", "CH", "HM", "MB", "MCB", "SR", "CUS", "BLB", "TX", "IMM", "GE", "VR", "MYC", "BG"})
"""Diagnostic services of HL7 table 0074 that are laboratory."""

_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_TEXT = frozenset({"ST", "TX", "FT", "", "IS", "ID", "DT", "TM", "TS", "DTM", "NA"})
_LONGEST_VALUE = 200
"""Characters of a text that is a value; a longer one, or one of several lines, is a report."""
_OPERATORS = frozenset({"<", "<=", ">", ">="})
_DIGITS = r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})"
_NUMBER = re.compile(_DIGITS)
_RANGE = re.compile(rf"\s*({_DIGITS})\s*-\s*({_DIGITS})\s*")
_BOUND = re.compile(rf"\s*(<=?|>=?)\s*({_DIGITS})\s*")
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@dataclass(frozen=True, slots=True)
class Result:
    """What one segment of an order, or several that belong together, state.

    Attributes:
        order: number of the order, with its authority: what is known of one order is one resource.
        identity: what makes it the same in another message of the order; None: everything of the order.
        withdrawn: it is deleted, of the wrong patient, cancelled or without result.
        table: of bronze.
        at: when; None where columns have their dates.
        columns: of the table.
    """

    order: str
    identity: tuple[str, ...] | None
    withdrawn: bool
    table: str
    at: Timestamp | None
    columns: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Open:
    """An observation while further lines of the same text may follow."""

    result: Result
    is_text: bool
    lines: list[str]


def results(message: Message) -> list[Result]:
    """Results that are final, corrected or withdrawn, in order; preliminary ones are left out."""
    found: dict[tuple[str, tuple[str, ...]], _Open] = {}
    order: Segment | None = None
    common: Segment | None = None
    for segment in message.segments:
        if segment.name == "ORC":
            common = segment
        elif segment.name == "OBR":
            order = segment
        elif segment.name == "OBX":
            one = _result(segment, order, common, message)
            if one is not None:
                _add(found, one)
    return [_closed(one) for one in found.values()]


def _add(found: dict[tuple[str, tuple[str, ...]], _Open], one: _Open) -> None:
    """Keep a result; the next line of a text joins it, another value under the same code gets a number of its own."""
    result = one.result
    identity = result.identity or ()
    former = found.get((result.order, identity))
    if former is not None and former.is_text and one.is_text and not result.withdrawn:
        former.lines += one.lines
        return
    same = (result.order, identity)
    number = 1
    while same in found:
        number += 1
        same = (result.order, (*identity, str(number)))
    if number > 1:
        one.result = replace(result, identity=same[1])
    found[same] = one


def _closed(one: _Open) -> Result:
    """A text that is a report becomes a note, any other the value of a measurement."""
    result = one.result
    if not one.is_text or result.table != "measurement":
        return result
    text = "\n".join(one.lines)
    is_report = "\n" in text or len(text) > _LONGEST_VALUE
    if not is_report or result.columns["category"] == "laboratory" or result.withdrawn:
        return replace(result, columns=result.columns | {"value_text": text})
    return replace(
        result, table="note", columns=note_columns(text, result.columns["codings"], result.columns["code_text"])
    )


def _result(segment: Segment, order: Segment | None, common: Segment | None, message: Message) -> _Open | None:
    status = segment.text(11).upper() or (order.text(25).upper() if order else "") or "F"
    codes, text = coded(segment, 3)
    if (status not in _STATUSES and status not in _WITHDRAWN) or (not codes and not text):
        return None
    at = segment.time(14) or (order.time(7) if order else None) or message.header.time(7)
    number = order_number(order, common, message)
    identity = (codes[0]["code"] if codes else text, segment.text(4))
    withdrawn = status in _WITHDRAWN
    if segment.text(2).upper() == "ED":
        document = encapsulated_text(segment)
        if document is None and not withdrawn:
            return None
        columns = note_columns(document or "", codes, text)
        return _Open(Result(number, identity, withdrawn, "note", at, columns), False, [])
    value = _value(segment)
    if value is None:
        return None
    columns = {
        "codings": codes,
        "code_text": text or None,
        "category": _category(order),
        "status": _STATUSES.get(status),
        "interpretation_codings": _interpretations(segment),
        **value,
        **_unit(segment),
        **_range(segment.whole(7)),
    }
    is_text = segment.text(2).upper() in ("TX", "FT", "ST") and bool(value["value_text"])
    lines = [value["value_text"]] if is_text else []
    return _Open(Result(number, identity, withdrawn, "measurement", at, columns), is_text, lines)


def order_number(order: Segment | None, common: Segment | None, message: Message) -> str:
    """OBR-3 filler order number with who gave it, else ORC-3, OBR-2, ORC-2, else the message's own number."""
    for number in (3, 2):
        for segment in (order, common):
            found = segment.composite(number) if segment else None
            if found and found.text(1):
                return "|".join((found.text(3) or found.text(2), found.text(1)))
    return f"message|{message.header.text(10)}"


def _category(order: Segment | None) -> str | None:
    section = order.text(24).upper() if order else ""
    return "laboratory" if section in _LABORATORY else section or None


def _value(segment: Segment) -> dict[str, Any] | None:
    """The value's columns by OBX-2; None for documents and other types that are no measurement."""
    kind, empty = segment.text(2).upper(), {"value_text": None}
    if segment.raw(5) in ("", DELETED):
        return empty
    if kind in ("NM", "SN") and len(segment.repetitions(5)) > 1:
        return {"value_text": segment.whole(5)}
    if kind == "NM":
        return _number(segment.text(5))
    if kind == "SN":
        return _structured(segment)
    if kind in _CODED:
        codes, text = coded(segment, 5)
        return {"value_codings": codes or None, "value_text": text or None}
    return {"value_text": segment.whole(5)} if kind in _TEXT else None


def _number(text: str) -> dict[str, Any]:
    if _NUMBER.fullmatch(text):
        return {"value_number": float(text), "value_text": None}
    bound = _BOUND.fullmatch(text)
    if bound:
        return {"value_number": float(bound[2]), "value_operator": bound[1], "value_text": None}
    return {"value_text": text}


def _structured(segment: Segment) -> dict[str, Any]:
    """SN: a comparator and a number; ratios and ranges stay text (HL7 v2.5.1 §2.A.71)."""
    part = segment.composite(5)
    comparator, number, separator, second = (part.text(n) for n in (1, 2, 3, 4))
    if _NUMBER.fullmatch(number) and not separator and (comparator in _OPERATORS or comparator in ("", "=")):
        operator = comparator if comparator in _OPERATORS else None
        return {"value_number": float(number), "value_operator": operator, "value_text": None}
    return {"value_text": f"{comparator}{number}{separator}{second}" or None}


def _unit(segment: Segment) -> dict[str, Any]:
    codes, text = coded(segment, 6)
    if not codes:
        return {"unit_source_value": text or None}
    # Unnamed unit systems of laboratories are UCUM or close to it; a local code is only a source value.
    first = codes[0]
    is_standard = first.get("system", UNITS) == UNITS
    return {"unit_code": first["code"] if is_standard else None, "unit_source_value": text or first["code"]}


def _range(text: str) -> dict[str, Any]:
    span = _RANGE.fullmatch(text)
    if span:
        return {"range_low": float(span[1]), "range_high": float(span[2])}
    bound = _BOUND.fullmatch(text)
    if bound:
        return {"range_high" if bound[1].startswith("<") else "range_low": float(bound[2])}
    return {}


def _interpretations(segment: Segment) -> list[Coding] | None:
    flags = segment.raw(8).split(segment.delimiters.repetition)
    codes = [flag.split(segment.delimiters.component)[0].strip() for flag in flags]
    return [{"system": _INTERPRETATION, "code": code} for code in codes if code and code != DELETED] or None
