"""The state of a visit after all its messages: the events of HL7 v2 chapter 3 as a fold.

Source: HL7 v2.5.1 §3.3.1 A01 to §3.3.13 A13, §3.3.23 A23, §3.3.29 A29.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.hl7.events import Event
from pipelines.hl7.findings import condition_row, merged_findings
from pipelines.hl7.rows import Folded, Row
from pipelines.hl7.values import Timestamp
from pipelines.keys import derived_key

_BEGINS = frozenset({"A01", "A04", "A06", "A07"})
_DELETES = frozenset({"A23", "A29"})
_ENDING = ("end", "discharged_to")
_PROTECTED = ({"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},)
"""A visit whose PV2-22 says that access is protected: restricted."""


@dataclass
class _Place:
    location: str | None
    start: Timestamp | None
    end: Timestamp | None = None


@dataclass
class _State:
    """A visit while it is folded.

    Attributes:
        outcome: ``planned`` until something shows that the patient came; ``loaded``, ``cancelled`` or ``deleted``.
        values: what PV1 and PV2 set last; ``start`` is what it says, ``began`` when the first event occurred.
    """

    outcome: str = "planned"
    began: Timestamp | None = None
    values: dict[str, Any] = field(default_factory=dict)
    places: list[_Place] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def is_gone(self) -> bool:
        return self.outcome in ("cancelled", "deleted")

    def begin(self, event: Event) -> None:
        """A visit begins (A01, A04) or changes its class (A06, A07)."""
        if self.outcome != "loaded" or self.began is None:
            self.began = event.occurred
        self.outcome = "loaded"
        if not self.places:
            self.places = [_Place(event.visit.get("location"), event.visit.get("start") or event.occurred)]
        else:
            self.move(event)

    def occur(self, event: Event) -> None:
        """Something happened in a visit whose begin is not known: it is provisional until that arrives."""
        if not self.is_gone:
            self.outcome = "loaded"
            self.began = self.began or event.occurred

    def move(self, event: Event) -> None:
        """A transfer (A02) closes the place the patient was in and opens the next; the same place is no transfer."""
        location = event.visit.get("location")
        if not location or (self.places and self.places[-1].location == location and self.places[-1].end is None):
            return
        if self.places and self.places[-1].end is None:
            self.places[-1].end = event.occurred
        self.places.append(_Place(location, event.occurred))

    def correct(self, event: Event) -> None:
        """An update (A08) or a cancellation names where the patient is: it corrects, it doesn't move."""
        location = event.visit.get("location")
        if location and self.places:
            self.places[-1].location = location

    def leave(self, event: Event) -> None:
        """A discharge (A03) ends the visit and the stay in its last place."""
        self.values["end"] = event.visit.get("end") or event.occurred
        if not self.places and event.visit.get("location"):
            self.places = [_Place(event.visit["location"], event.visit.get("start"))]
        if self.places:
            self.places[-1].end = self.values["end"]

    def undo_transfer(self, event: Event) -> None:
        """A12: the patient is back where they were, in PV1-3; who is there already has no transfer to undo."""
        if len(self.places) > 1 and self.places[-1].location != event.visit.get("location"):
            self.places.pop()
        if self.places:
            self.places[-1].end = None
        self.correct(event)

    def undo_discharge(self, event: Event) -> None:
        """A13: the visit goes on."""
        for name in _ENDING:
            self.values.pop(name, None)
        if self.places:
            self.places[-1].end = None
        self.correct(event)

    def vanish(self, outcome: str) -> None:
        """A11, A23, A29: as if it had not been."""
        self.outcome, self.began = outcome, None
        self.values, self.places, self.events = {}, [], []


def fold_visit(visit_key: int, events: Sequence[Event]) -> Folded | None:
    """A visit from the events that name it and the deletions (A29) of its patients, in order; None without events."""
    named = [event for event in events if event.visit_key == visit_key]
    if not named:
        return None
    state = _State()
    for event in events:
        _apply(state, event)
    person_key, known_at = named[-1].person_key, named[-1].message_at
    if state.outcome != "loaded":
        return Folded("Visit", visit_key, person_key, known_at, state.outcome)
    rows = {
        "visit_occurrence": [_visit(visit_key, person_key, state)],
        "visit_detail": _details(visit_key, person_key, state),
        "condition_occurrence": [
            condition_row(person_key, visit_key, finding, event)
            for finding, event in merged_findings(state.events, lambda event: event.diagnoses)
        ],
    }
    labels = _PROTECTED if state.values.get("protected") else None
    return Folded("Visit", visit_key, person_key, known_at, rows=rows, security_labels=labels)


def _apply(state: _State, event: Event) -> None:
    trigger = event.trigger
    if trigger in _DELETES or trigger == "A11":
        state.vanish("cancelled" if trigger == "A11" else "deleted")
        return
    if state.is_gone and trigger not in _BEGINS and trigger != "A05":
        return
    if state.is_gone:
        state.outcome = "planned"
    state.events.append(event)
    # A cancelled discharge may still carry the discharge it cancels.
    kept = _ENDING if trigger == "A13" else ()
    state.values |= {name: value for name, value in event.visit.items() if name not in kept}
    if trigger in _BEGINS:
        state.begin(event)
    elif trigger == "A08":
        _update(state, event)
    elif trigger != "A05":
        state.occur(event)
        {
            "A02": state.move,
            "A03": state.leave,
            "A12": state.undo_transfer,
            "A13": state.undo_discharge,
        }[trigger](event)


def _update(state: _State, event: Event) -> None:
    """An update corrects a visit in place; alone it makes one if it says when that began."""
    state.correct(event)
    if state.outcome == "planned" and event.visit.get("start") and state.values.get("class_code") != "PRENC":
        state.occur(event)


def _visit(visit_key: int, person_key: int, state: _State) -> Row:
    values = state.values
    start: Timestamp | None = values.get("start") or state.began
    end: Timestamp | None = values.get("end")
    return {
        "visit_occurrence_key": visit_key,
        "person_key": person_key,
        "class_code": values.get("class_code"),
        "status": "finished" if end else "in-progress",
        "visit_start_date": start.day if start else None,
        "visit_start_datetime": start.local if start else None,
        "visit_end_date": end.day if end else None,
        "visit_end_datetime": end.local if end else None,
        "admitted_from_source_value": values.get("admitted_from"),
        "discharged_to_source_value": values.get("discharged_to"),
    }


def _details(visit_key: int, person_key: int, state: _State) -> list[Row]:
    return [
        {
            "visit_detail_key": derived_key(str(visit_key), "place", str(number)),
            "person_key": person_key,
            "visit_occurrence_key": visit_key,
            "visit_detail_source_value": place.location,
            "visit_detail_start_date": place.start.day if place.start else None,
            "visit_detail_start_datetime": place.start.local if place.start else None,
            "visit_detail_end_date": place.end.day if place.end else None,
            "visit_detail_end_datetime": place.end.local if place.end else None,
        }
        for number, place in enumerate(state.places)
        if place.location
    ]
