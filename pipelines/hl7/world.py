"""Everything that messages are about, while they are folded one after the other in the order of events.

Merges, moves and changes of numbers act on what folding has read, so that nothing depends on the order of receipt.
Memory is what the people, visits and orders themselves need: no message is kept.
"""

from collections.abc import Callable, Iterator, Mapping

from pipelines.hl7.events import Event, Party
from pipelines.hl7.findings import Stated
from pipelines.hl7.message import Doubt, MessageError
from pipelines.hl7.orders import Documents, Orders
from pipelines.hl7.people import PersonState
from pipelines.hl7.policy import Policy
from pipelines.hl7.rows import Folded, latest
from pipelines.hl7.triggers import TRIGGERS, Trigger
from pipelines.hl7.visit_rows import folded_visit
from pipelines.hl7.visits import VisitState

_REVIVES = frozenset({"begin", "change_class", "plan"})
"""What happens to a visit that was cancelled or deleted only if it begins anew."""


class World:
    """The state of all people, visits and orders that a set of messages is about.

    Attributes:
        refused: messages that can't be used for what others say, by id.
    """

    def __init__(self, policy: Policy, aliases: Mapping[int, int] | None = None) -> None:
        """Start empty.

        Args:
            policy: the hospital's choices.
            aliases: keys of people and visits to the keys that they have in messages which name the authority fully.
        """
        self._policy = policy
        self._aliases = dict(aliases or {})
        self._people: dict[int, PersonState] = {}
        self._visits: dict[int, VisitState] = {}
        self._orders: dict[int, Orders] = {}
        self._documents: dict[int, Documents] = {}
        self._done: set[tuple[object, ...]] = set()
        self.refused: dict[int, MessageError] = {}

    def apply(self, event: Event) -> None:
        """What happened next."""
        trigger = TRIGGERS.get(event.trigger) if event.is_admission else None
        if trigger and trigger.on_person in _MERGING and self._is_circular(event):
            self.refused[event.message_id] = MessageError("merge_cycle", "MRG-1")
            return
        for party in event.parties:
            self._tell(event, party)
        if event.doubts:
            self._person(event.parties[0].person_key).note(event.doubts, event)
        if trigger is None:
            return
        if trigger.on_person and not self._is_repeated(event):
            _PERSON_ACTIONS[trigger.on_person](self, event)
        for party in event.parties:
            if trigger.on_visit and party.visit_key is not None:
                self._visit_event(event, party, trigger, party.visit_key)

    def _is_repeated(self, event: Event) -> bool:
        """Whether the same merge, move or change of number was told before; from now on it was.

        A deletion is made again: the message that repeats it told of the person first.
        """
        if not event.same or event.trigger == "A29":
            return False
        named = [
            (party.person_key, party.retired_key, party.visit_key, *party.former_visits) for party in event.parties
        ]
        same = (event.trigger, event.same, *named)
        is_known = same in self._done
        self._done.add(same)
        return is_known

    def _tell(self, event: Event, party: Party) -> None:
        key = party.person_key
        person = self._person(key)
        person.tell(event, party, snapshot=self._policy.snapshot)
        if party.person_key != person.key:
            self._state_of(party.person_key).name(party.identifiers, event.message_at)
        if party.results:
            self._orders.setdefault(key, Orders(key)).tell(event, party)
        if party.document is not None:
            self._documents.setdefault(key, Documents(key)).tell(event, party, party.document)

    def _state_of(self, key: int) -> PersonState:
        if key not in self._people:
            self._people[key] = PersonState(key)
            if key in self._aliases:
                self._rename_person(key, self._aliases[key])
        return self._people[key]

    def _person(self, key: int) -> PersonState:
        """The person a key names now: after a change of identifier the one of the new."""
        state = self._state_of(key)
        while state.is_renamed and state.merged_into is not None:
            state = self._state_of(state.merged_into)
        return state

    def _became(self, key: int) -> Iterator[int]:
        """The person and, after all merges so far, those that they became, one after the other."""
        state = self._state_of(key)
        yield state.key
        while state.merged_into is not None:
            state = self._state_of(state.merged_into)
            yield state.key

    def _visit(self, key: int) -> VisitState:
        if key not in self._visits:
            full = self._aliases.get(key, key)
            if full not in self._visits:
                self._visits[full] = VisitState(full, self._policy)
            self._visits[key] = self._visits[full]
        return self._visits[key]

    def _visit_event(self, event: Event, party: Party, trigger: Trigger, key: int) -> None:
        visit = self._visit(key)
        for former in party.former_visits:
            if former in self._visits and self._visits[former] is not visit:
                self._rename_visit(former, key)
                visit = self._visit(key)
            self._visits.setdefault(former, visit)
        visit.owner = visit.moved.get(party.person_key, party.person_key)
        visit.known_at = latest(visit.known_at, event.message_at)
        action = trigger.on_visit or "update"
        if action in ("delete", "undo_begin"):
            getattr(visit, action)(event, party)
            return
        if visit.is_gone:
            if action not in _REVIVES:
                return
            visit.outcome = "planned"
        self._note_prior_location(event, party, visit)
        is_repeated = visit.is_repeated(event, party)
        visit.set_values(event, party)
        visit.findings.state(
            [finding for finding in party.findings if finding.kind in _OF_VISITS],
            Stated(event.occurred, event.message_at),
            snapshot=self._policy.snapshot,
        )
        if not is_repeated or action == "update":
            getattr(visit, action)(event, party)

    def _note_prior_location(self, event: Event, party: Party, visit: VisitState) -> None:
        """PV1-6 of a transfer is where the patient was."""
        prior, place = party.visit.get("prior_location"), visit.place
        if event.trigger != "A02" or not prior or place is None or place.end is not None or not place.location:
            return
        kept = self._policy.location_components
        said = tuple(text if number in kept else "" for number, text in enumerate(prior, start=1))
        if place.location not in (said, visit.where(party)):
            doubt = Doubt("prior_location_differs", "PV1-6", "^".join(prior).rstrip("^"))
            self._person(party.person_key).note((doubt,), event, visit.key)

    def _is_circular(self, event: Event) -> bool:
        """Whether a merge would retire somebody whom the survivor was merged into before."""
        for party in event.parties:
            if party.retired_key is not None:
                survivor, retired = self._person(party.person_key).key, self._person(party.retired_key).key
                if survivor != retired and retired in self._became(survivor):
                    return True
        return False

    def merge(self, event: Event) -> None:
        """A40 and its like: MRG-1 is retired, PID-3 survives."""
        for party in event.parties:
            if party.retired_key is None:
                continue
            self._state_of(party.retired_key).name(party.retired, event.message_at)
            retired, survivor = self._person(party.retired_key), self._person(party.person_key)
            if retired is not survivor:
                retired.merged_into = survivor.key

    def rename(self, event: Event) -> None:
        """A47, A49: another identifier for the same record."""
        for party in event.parties:
            if party.retired_key is not None and party.retired_key != party.person_key:
                self._state_of(party.retired_key).name(party.retired, event.message_at)
                self._rename_person(party.retired_key, party.person_key)

    def _rename_person(self, former: int, key: int) -> None:
        state = self._people[former]
        current = self._person(key)
        if current is not state and not state.is_renamed:
            current.take_over(state)
            state.merged_into, state.is_renamed = current.key, True

    def merge_visits(self, event: Event) -> None:
        """A35, A41, A42: MRG-5 is folded into PV1-19."""
        for party in event.parties:
            for former in party.former_visits:
                if party.visit_key is not None:
                    self._rename_visit(former, party.visit_key)
            self._own(event, party)

    def merge_with_visits(self, event: Event) -> None:
        """A36: the patient and the account."""
        self.merge(event)
        self.merge_visits(event)

    def rename_visits(self, event: Event) -> None:
        """A50: another number for the same visit."""
        self.merge_visits(event)

    def _own(self, event: Event, party: Party) -> None:
        if party.visit_key is not None:
            visit = self._visit(party.visit_key)
            visit.owner, visit.known_at = party.person_key, latest(visit.known_at, event.message_at)

    def _rename_visit(self, former: int, key: int) -> None:
        retired, kept = self._visit(former), self._visits.get(key)
        if kept is None or kept is retired:
            self._visits[key] = retired
            retired.key = key
            return
        kept.absorb(retired)
        self._visits = {number: kept if state is retired else state for number, state in self._visits.items()}

    def move_visits(self, event: Event) -> None:
        """A43 to A45: the visits that MRG-5 names go from MRG-1's patient to PID-3's."""
        for party in event.parties:
            if party.retired_key is not None:
                self._state_of(party.retired_key).name(party.retired, event.message_at)
            for former in party.former_visits:
                visit = self._visit(former)
                if party.retired_key is not None and party.retired_key != party.person_key:
                    visit.moved[party.retired_key] = party.person_key
                visit.moved.pop(party.person_key, None)
                if party.visit_key is not None and party.former_visits == [former]:
                    self._rename_visit(former, party.visit_key)
                    visit = self._visit(former)
                visit.owner, visit.known_at = party.person_key, latest(visit.known_at, event.message_at)

    def link(self, event: Event) -> None:
        """A24: two records that may be of one person; they stay two."""
        first, others = event.parties[0].person_key, event.parties[1:]
        self._state_of(first).linked.update(party.person_key for party in others if party.person_key != first)

    def unlink(self, event: Event) -> None:
        """A37, whichever of the two it names first."""
        keys = [party.person_key for party in event.parties]
        for key in keys:
            self._state_of(key).linked.difference_update(keys)

    def delete_person(self, event: Event) -> None:
        """A29: the person with their visits, orders and documents."""
        for party in event.parties:
            target = self._person(party.person_key).key
            keys = {key for key in list(self._people) if target in self._became(key)}
            for key in keys:
                self._state_of(key).delete(event)
                for kept in (self._orders.get(key), self._documents.get(key)):
                    if kept:
                        kept.delete()
            for visit in self._visits.values():
                if visit.owner in keys:
                    visit.vanish("deleted")

    def owner(self, person_key: int, visit_key: int | None) -> tuple[int, int | None]:
        """Whose a row is now, and in which visit: it goes where its visit went."""
        visit = None if visit_key is None else self._visits.get(visit_key)
        return (person_key, visit_key) if visit is None else (visit.moved.get(person_key, person_key), visit.key)

    def folded(self) -> Iterator[Folded]:
        """The state of every person, visit, order and document that was named."""
        for state in self._people.values():
            yield state.folded()
        for key in self._people:
            if key in self._orders:
                yield from self._orders[key].folded(self.owner)
            if key in self._documents:
                yield from self._documents[key].folded(self.owner)
        for key, visit in self._visits.items():
            if visit.owner is None:
                continue
            if visit.key == key:
                yield folded_visit(visit, visit.owner)
            else:
                yield Folded("Visit", key, visit.owner, visit.known_at, "merged")


_OF_VISITS = ("diagnosis", "procedure")
_MERGING = ("merge", "merge_with_visits")
_PERSON_ACTIONS: Mapping[str, Callable[[World, Event], None]] = {
    "merge": World.merge,
    "merge_with_visits": World.merge_with_visits,
    "merge_visits": World.merge_visits,
    "rename_visits": World.rename_visits,
    "move_visits": World.move_visits,
    "rename": World.rename,
    "link": World.link,
    "unlink": World.unlink,
    "delete_person": World.delete_person,
}
