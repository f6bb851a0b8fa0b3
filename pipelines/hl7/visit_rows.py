"""A visit's state as rows, with doubts about its times."""

from datetime import datetime, timedelta
from typing import Any

from pipelines.hl7.message import Doubt
from pipelines.hl7.quality import Noted, quality_rows
from pipelines.hl7.rows import Folded, Row
from pipelines.hl7.values import Timestamp
from pipelines.hl7.visits import LEAVE_OF_ABSENCE, Place, VisitState
from pipelines.keys import derived_key

_PROTECTED = ({"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},)
"""A visit whose PV2-22 says that access is protected: restricted."""
_AHEAD = timedelta(days=1)
"""How far a discharge may lie ahead of the message that states it: zones differ by less."""


def folded_visit(state: VisitState, person_key: int) -> Folded:
    """The visit as it is now."""
    if state.outcome != "loaded":
        return Folded("Visit", state.key, person_key, state.known_at, state.outcome)
    rows = state.findings.rows(person_key, state.key)
    rows["visit_occurrence"] = [_visit(state, person_key)]
    rows["visit_detail"] = _details(state, person_key)
    noted = [Noted(doubt, "", state.key) for doubt in _time_doubts(state)]
    rows["data_quality"] = quality_rows(str(state.key), person_key, noted)
    labels = _PROTECTED if state.values.get("protected") else None
    return Folded("Visit", state.key, person_key, state.known_at, rows=rows, security_labels=labels)


def _start(state: VisitState) -> Timestamp | None:
    return state.values.get("start") or state.began


def _visit(state: VisitState, person_key: int) -> Row:
    values = state.values
    start, end = _start(state), values.get("end")
    return {
        "visit_occurrence_key": state.key,
        "person_key": person_key,
        "class_code": state.class_code,
        "status": "finished" if end else "arrived" if state.has_arrived else "in-progress",
        "visit_start_date": start.day if start else None,
        "visit_start_datetime": start.local if start else None,
        "visit_start_source_value": start.text if start else None,
        "visit_end_date": end.day if end else None,
        "visit_end_datetime": end.local if end else None,
        "visit_end_source_value": end.text if end else None,
        "admitted_from_source_value": values.get("admitted_from"),
        "discharged_to_source_value": values.get("discharged_to"),
    }


def _details(state: VisitState, person_key: int) -> list[Row]:
    return [
        {
            "visit_detail_key": derived_key(str(state.key), "place", str(number)),
            "person_key": person_key,
            "visit_occurrence_key": state.key,
            "visit_detail_source_value": name,
            "visit_detail_start_date": place.start.day if place.start else None,
            "visit_detail_start_datetime": place.start.local if place.start else None,
            "visit_detail_end_date": place.end.day if place.end else None,
            "visit_detail_end_datetime": place.end.local if place.end else None,
        }
        for number, place in enumerate(state.places)
        if (name := _name(place))
    ]


def _name(place: Place) -> str:
    return LEAVE_OF_ABSENCE if place.is_leave else "^".join(place.location or ()).rstrip("^")


def _time_doubts(state: VisitState) -> list[Doubt]:
    start, end = _start(state), state.values.get("end")
    if end is None:
        return []
    found = []
    if start is not None and _local(end) < _local(start) and not _is_whole_day(end, start):
        found.append(Doubt("end_before_start", "PV1-45", end.text))
    known: Any = state.known_at
    if known is not None and end.instant(state.policy.zone) > known + _AHEAD:
        found.append(Doubt("discharge_in_future", "PV1-45", end.text))
    return found


def _local(at: Timestamp) -> datetime:
    return at.local or datetime(at.day.year, at.day.month, at.day.day)


def _is_whole_day(end: Timestamp, start: Timestamp) -> bool:
    """A day without an hour does not end before an hour of it."""
    return end.local is None and end.day >= start.day
