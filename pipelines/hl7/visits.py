"""The state of a visit: what each event of HL7 v2 chapter 3 does to it.

Source: HL7 v2.5.1 §3.3.1 A01 to §3.3.13 A13, §3.3.21 A21 to §3.3.23 A23, §3.3.52 A52, §3.3.53 A53.
"""

from dataclasses import dataclass, field
from typing import Any

from pipelines.hl7.events import Event, Party
from pipelines.hl7.findings import Findings
from pipelines.hl7.policy import Policy
from pipelines.hl7.values import Timestamp

ENDING = ("end", "discharged_to")
LEAVE_OF_ABSENCE = "leave of absence"
"""What a visit detail says in place of a location while the patient is on leave."""

Location = tuple[str, ...]


@dataclass(slots=True)
class Place:
    """Where a patient was; ``is_leave``: nowhere, on leave of absence."""

    location: Location | None
    start: Timestamp | None
    end: Timestamp | None = None
    is_leave: bool = False
    is_temporary: bool = False


@dataclass
class VisitState:
    """A visit while it is folded.

    Attributes:
        key: of its current number.
        owner: source person whose it is.
        outcome: ``planned`` until something shows that the patient came; ``loaded``, ``cancelled`` or ``deleted``.
        is_planned: it was announced (A05).
        has_arrived: A10 was the last that happened.
        is_from_emergency: an emergency visit became an inpatient one (A06).
        moved: patients from whom it was taken, to whom it was given.
        done: what was done already, by ``is_repeated``.
        values: what PV1 and PV2 set last; ``start`` is what it says, ``began`` when the first event occurred.
    """

    key: int
    policy: Policy
    owner: int | None = None
    known_at: Any = None
    outcome: str = "planned"
    is_planned: bool = False
    has_arrived: bool = False
    is_from_emergency: bool = False
    began: Timestamp | None = None
    moved: dict[int, int] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    done: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def is_gone(self) -> bool:
        """Whether it was cancelled or deleted."""
        return self.outcome in ("cancelled", "deleted")

    @property
    def place(self) -> Place | None:
        """The last place, whether the patient is still there or not."""
        return self.places[-1] if self.places else None

    def is_repeated(self, event: Event, party: Party) -> bool:
        """Whether the same event was told before, under whatever message number; from now on it was."""
        if not event.same:
            return False
        same = (event.trigger, event.same, *(party.visit.get("location") or ()))
        is_known = same in self.done
        self.done.add(same)
        return is_known

    def where(self, party: Party) -> Location | None:
        """PV1-3, in the components that make two places two."""
        return self._place(party, "location")

    def _place(self, party: Party, name: str) -> Location | None:
        location = party.visit.get(name)
        if not location:
            return None
        kept = self.policy.location_components
        return tuple(text if number in kept else "" for number, text in enumerate(location, start=1))

    def begin(self, event: Event, party: Party) -> None:
        """A visit begins (A01, A04)."""
        if self.outcome != "loaded" or self.began is None:
            self.began = event.occurred
        self.outcome, self.has_arrived = "loaded", False
        if self.places:
            self.move(event, party)
        elif location := self.where(party):
            self.places = [Place(location, party.visit.get("start") or event.occurred)]

    def change_class(self, event: Event, party: Party) -> None:
        """A06, A07: the same visit in another class, where PV1-3 says."""
        self.begin(event, party)

    def plan(self, _event: Event, _party: Party) -> None:
        """A05: no visit until the patient comes."""
        self.is_planned = True

    def occur(self, event: Event) -> None:
        """Something happened in a visit whose begin is not known: it is provisional until that arrives."""
        self.outcome, self.has_arrived = "loaded", False
        self.began = self.began or event.occurred

    def move(self, event: Event, party: Party) -> None:
        """A transfer (A02, A17) closes the place the patient was in and opens the next; the same is no transfer."""
        self.occur(event)
        location, place = self.where(party), self.place
        if not location or (place and place.location == location and place.end is None):
            return
        self._close(event)
        self.places.append(Place(location, event.occurred))

    def _close(self, event: Event) -> None:
        if self.places and self.places[-1].end is None:
            self.places[-1].end = event.occurred

    def correct(self, party: Party) -> None:
        """An update (A08) or a cancellation names where the patient is: it corrects, it doesn't move."""
        location, place = self.where(party), self.place
        if location and place and not place.is_leave and not place.is_temporary:
            place.location = location

    def leave(self, event: Event, party: Party) -> None:
        """A discharge (A03) ends the visit and the stay in its last place."""
        self.occur(event)
        self.values["end"] = party.visit.get("end") or event.occurred
        location = self.where(party)
        if not self.places and location:
            self.places = [Place(location, party.visit.get("start"))]
        if self.places:
            self.places[-1].end = self.values["end"]

    def update(self, event: Event, party: Party) -> None:
        """A08: alone it makes a visit if it says when that began, unless it was announced and nobody came yet."""
        if self.policy.updates_move and self.places and self.outcome == "loaded":
            self.move(event, party)
        else:
            self.correct(party)
        is_announced = self.is_planned or self.values.get("class_code") == "PRENC"
        if self.outcome == "planned" and party.visit.get("start") and not is_announced:
            self.occur(event)

    def arrive(self, event: Event, party: Party) -> None:
        """A10: the patient is there, back from a tracked place or before anything was said of an admission."""
        if self.place and self.place.is_temporary:
            self.move(event, party)
        self.has_arrived = True

    def depart(self, event: Event, party: Party) -> None:
        """A09: leaving closes the place only where a tracked one (PV1-11) follows."""
        location = self._place(party, "temporary_location")
        if location and self.outcome == "loaded":
            self._close(event)
            self.places.append(Place(location, event.occurred, is_temporary=True))

    def go_on_leave(self, event: Event, _party: Party) -> None:
        """A21: the visit stays open; the leave is a detail of its own."""
        self.occur(event)
        if self.place and self.place.is_leave and self.place.end is None:
            return
        self._close(event)
        self.places.append(Place(None, event.occurred, is_leave=True))

    def come_back(self, event: Event, party: Party) -> None:
        """A22: to PV1-3, else to where the patient was before the leave."""
        self.occur(event)
        before = next((place.location for place in reversed(self.places) if not place.is_leave), None)
        self._close(event)
        self.places.append(Place(self.where(party) or before, event.occurred))

    def undo_begin(self, _event: Event, _party: Party) -> None:
        """A11, of a visit that may not be known yet."""
        self.vanish("cancelled")

    def undo_plan(self, _event: Event, _party: Party) -> None:
        """A38: nobody is expected; who has come already stays."""
        self.is_planned = False
        if self.outcome == "planned":
            self.vanish("cancelled")

    def undo_transfer(self, event: Event, party: Party) -> None:
        """A12: the patient is back where they were, in PV1-3; who is there already has no transfer to undo."""
        self.occur(event)
        if len(self.places) > 1 and self.places[-1].location != self.where(party):
            self.places.pop()
        self._reopen()
        self.correct(party)

    def undo_discharge(self, event: Event, party: Party) -> None:
        """A13: the visit goes on."""
        self.occur(event)
        for name in ENDING:
            self.values.pop(name, None)
        self._reopen()
        self.correct(party)

    def undo_arrival(self, _event: Event, _party: Party) -> None:
        """A32."""
        self.has_arrived = False

    def undo_departure(self, _event: Event, _party: Party) -> None:
        """A33: the patient did not go to the tracked place."""
        if self.place and self.place.is_temporary:
            self.places.pop()
            self._reopen()

    def undo_leave(self, _event: Event, _party: Party) -> None:
        """A52: there was no leave of absence."""
        if self.place and self.place.is_leave:
            self.places.pop()
            self._reopen()

    def undo_return(self, _event: Event, _party: Party) -> None:
        """A53: the patient is still on leave."""
        if len(self.places) > 1 and self.places[-2].is_leave:
            self.places.pop()
            self._reopen()

    def delete(self, _event: Event, _party: Party) -> None:
        """A23."""
        self.vanish("deleted")

    def _reopen(self) -> None:
        if self.places:
            self.places[-1].end = None

    def vanish(self, outcome: str) -> None:
        """A11, A23, A29: as if it had not been."""
        self.outcome, self.began, self.is_planned, self.has_arrived = outcome, None, False, False
        self.values, self.places = {}, []
        self.findings.clear()

    def set_values(self, event: Event, party: Party) -> None:
        """What PV1 sets; a discharge that is corrected (A08) ends or opens the last place with the visit."""
        # A cancelled discharge may still carry the discharge it cancels.
        left_out = ENDING if event.trigger == "A13" else ()
        before, was_emergency = self.values.get("end"), self.values.get("class_code") == "EMER"
        self.values |= {name: value for name, value in party.visit.items() if name not in left_out}
        if "end" in party.visit and before is not None and self.place and self.place.end == before:
            self.place.end = self.values.get("end")
        self.is_from_emergency |= was_emergency and event.trigger == "A06"

    @property
    def class_code(self) -> str | None:
        """PV1-2, by the hospital's rule for emergency visits that were admitted."""
        found: str | None = self.values.get("class_code")
        return self.policy.emergency_admission if found == "IMP" and self.is_from_emergency else found

    def absorb(self, retired: "VisitState") -> None:
        """A35, A41, A42: another visit is folded into this one, with all its places and findings."""
        is_known = self.outcome == "loaded"
        if retired.outcome == "loaded":
            taken = {name: value for name, value in retired.values.items() if not (is_known and name in ENDING)}
            starts = [start for start in (self.began, retired.began) if start is not None]
            self.began = min(starts, key=_instant, default=None)
            self.values = taken | self.values
            self.outcome = "loaded"
        self.places = sorted([*retired.places, *self.places], key=lambda place: _instant(place.start))
        self.findings.absorb(retired.findings)
        self.moved = retired.moved | self.moved
        self.done |= retired.done
        self.is_planned = self.is_planned or retired.is_planned
        self.owner = self.owner if self.owner is not None else retired.owner


def _instant(at: Timestamp | None) -> tuple[int, str]:
    """Sorts times as written, those that are unknown first."""
    return (0, "") if at is None else (1, (at.local or at.day).isoformat())
