"""RXA, RXE and RXD: vaccinations, orders and supplies of drugs.

Sources: HL7 v2.5.1 §4.14.7 RXA, §4.14.4 RXE, §4.14.5 RXD, §4.14.2 RXR, §4.5.1 ORC; tables 0119 (order control), 0322
(completion status), 0323 (action code); CDC, HL7 2.5.1 Implementation Guide for Immunization Messaging.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.hl7.clinical import coded, same_code
from pipelines.hl7.message import Message, Segment
from pipelines.hl7.results import Result
from pipelines.hl7.values import Timestamp

_NOT_GIVEN = frozenset({"RE", "NA"})
_HISTORICAL = frozenset({f"{number:02d}" for number in range(1, 9)})
"""NIP001: from another source than the record of who gave it."""
_NO_VACCINE = "998"
"""CVX: no vaccine administered; such an RXA carries other observations."""
_CANCELS = frozenset({"CA", "OC", "CR", "UC"})
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,12})?")
_UNKNOWN_AMOUNT = 999.0


@dataclass(frozen=True, slots=True)
class _Group:
    """Segments of one order."""

    common: Segment | None
    drug: Segment
    route: Segment | None


def drugs(message: Message) -> list[Result]:
    """What a message states of drugs, one result for each RXA, RXE or RXD.

    An RXE beside an RXD is the order that is supplied, which has its own message.
    """
    groups = list(_groups(message))
    supplied = any(group.drug.name == "RXD" for group in groups)
    found = [
        _READERS[group.drug.name](group, message) for group in groups if not (supplied and group.drug.name == "RXE")
    ]
    return [one for one in found if one is not None]


def _groups(message: Message) -> list[_Group]:
    groups: list[_Group] = []
    common: Segment | None = None
    for segment in message.segments:
        if segment.name == "ORC":
            common = segment
        elif segment.name in _READERS:
            groups.append(_Group(common, segment, None))
        elif segment.name == "RXR" and groups and groups[-1].route is None:
            groups[-1] = _Group(groups[-1].common, groups[-1].drug, segment)
    return groups


def _vaccination(group: _Group, _message: Message) -> Result | None:
    drug = group.drug
    codes, text = coded(drug, 5)
    if (not codes and not text) or (codes and codes[0]["code"] == _NO_VACCINE):
        return None
    at = drug.time(3)
    order = _order("vaccination", group, f"{same_code(codes, text)}|{at.text if at else ''}", number=3)
    identity = (same_code(codes, text),)
    withdrawn = drug.text(21).upper() == "D"
    said: dict[str, Any] = {"codings": codes, "code_text": text or None}
    status = drug.text(20).upper()
    if status in _NOT_GIVEN:
        reasons, reason = coded(drug, 18)
        columns = {
            **said,
            "kind": "not-done",
            "qualifier": "Immunization",
            "status": "not-done",
            "reason_codings": reasons or None,
            "reason_text": reason or None,
        }
        return Result(order, identity, withdrawn, "observation", at, columns)
    given = drug.time(4) or at
    columns = {
        **said,
        "kind": "immunization",
        "status": "completed",
        **_end(given),
        "quantity": _amount(drug.text(6), unknown=_UNKNOWN_AMOUNT),
        "dose_unit_source_value": drug.text(7) or None,
        "lot_number": drug.text(15) or None,
        "primary_source": drug.text(9) not in _HISTORICAL,
        **_route(group),
    }
    return Result(order, identity, withdrawn, "drug_exposure", at, columns)


def _prescription(group: _Group, message: Message) -> Result | None:
    drug = group.drug
    codes, text = coded(drug, 2)
    if not codes and not text:
        return None
    common = group.common
    at = drug.time(32) or (common and (common.time(15) or common.time(9))) or message.header.time(7)
    columns = {
        "codings": codes,
        "code_text": text or None,
        "kind": "prescription",
        "intent": "order",
        "status": _status(common),
        "quantity": _amount(drug.text(10)),
        "refills": _whole(drug.text(12)),
        "sig": drug.composite(7).text(2) or drug.text(7) or None,
        "dose_unit_source_value": drug.composite(5).text(2) or drug.text(5) or None,
        **_route(group),
    }
    order = _order("prescription", group, drug.text(15) or same_code(codes, text))
    return Result(order, (same_code(codes, text),), _is_cancelled(common), "drug_exposure", at, columns)


def _supply(group: _Group, message: Message) -> Result | None:
    drug = group.drug
    codes, text = coded(drug, 2)
    if not codes and not text:
        return None
    at = drug.time(3) or message.header.time(7)
    columns = {
        "codings": codes,
        "code_text": text or None,
        "kind": "dispensing",
        "status": "completed",
        "quantity": _amount(drug.text(4)),
        "sig": drug.text(9) or None,
        "dose_unit_source_value": drug.composite(5).text(2) or drug.text(5) or None,
        **_route(group),
    }
    order = _order("supply", group, drug.text(7) or same_code(codes, text))
    # One order is supplied again and again: RXD-1 counts, else the time tells.
    identity = (same_code(codes, text), drug.text(1), at.text if at else "")
    return Result(order, identity, _is_cancelled(group.common), "drug_exposure", at, columns)


_READERS: Mapping[str, Callable[[_Group, Message], Result | None]] = {
    "RXA": _vaccination,
    "RXE": _prescription,
    "RXD": _supply,
}


def _order(kind: str, group: _Group, otherwise: str, number: int | None = None) -> str:
    """ORC-3, else ORC-2 (of a vaccination only ORC-3), else what the segment itself says."""
    for place in (number,) if number else (3, 2):
        part = group.common.composite(place) if group.common else None
        if part and part.text(1) not in ("", "9999"):
            return "|".join((kind, part.text(3) or part.text(2), part.text(1)))
    return "|".join((kind, otherwise))


def _status(common: Segment | None) -> str:
    control = common.text(1).upper() if common else ""
    return "stopped" if control in ("DC", "OD") else "active"


def _is_cancelled(common: Segment | None) -> bool:
    return common is not None and common.text(1).upper() in _CANCELS


def _route(group: _Group) -> dict[str, Any]:
    return {"route_codings": coded(group.route, 1)[0] or None} if group.route else {}


def _end(at: Timestamp | None) -> dict[str, Any]:
    return {
        "drug_exposure_end_date": at.day if at else None,
        "drug_exposure_end_datetime": at.local if at else None,
    }


def _amount(text: str, unknown: float | None = None) -> float | None:
    found = float(text) if _NUMBER.fullmatch(text) else None
    return None if found == unknown else found


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 7 else None
