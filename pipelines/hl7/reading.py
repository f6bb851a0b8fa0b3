"""Landed messages as events: understood when they are first folded, read again in the order of what happened."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from pipelines.hl7 import identity
from pipelines.hl7.batches import batched
from pipelines.hl7.events import Event, NotMappedError, read_event
from pipelines.hl7.message import Doubt, MessageError
from pipelines.hl7.policy import Policy
from pipelines.hl7.statements import statement
from pipelines.hl7.triggers import CLINICAL

_AT_ONCE = 2000
"""Bodies that are fetched together."""
_KEPT = 20_000
"""Events that are kept from when they are understood until they are folded; others are read twice."""

Outcome = Event | NotMappedError | MessageError


@dataclass
class Reader:
    """The messages of one round.

    Attributes:
        kinds: type of every pending message, by id.
        problems: why a pending message is no event; those that are one are not in it.
        merges: type of every message that retires somebody or takes from them, by id.
    """

    connection: psycopg.Connection[Any]
    policy: Policy
    erased: frozenset[int]
    kinds: dict[int, str] = field(default_factory=dict)
    problems: dict[int, NotMappedError | MessageError] = field(default_factory=dict)
    merges: dict[int, str] = field(default_factory=dict)
    _events: dict[int, Event] = field(default_factory=dict)

    def related(self, pending: Iterable[int], keys: Iterable[int] = ()) -> tuple[set[int], dict[int, int]]:
        """Messages linked to the pending ones by patient, merge or visit, however far, and aliases of their keys.

        Those linked to people or visits by ``keys`` are too.

        Pending messages among them become part of the round: who is folded is folded once.
        """
        new = self._understand(list(pending)) | set(keys)
        ids, known = set(self.kinds) - set(self.problems), set[int]()
        while new:
            known |= new
            waiting, found = [], set[int]()
            for message_id, is_pending, *keys in self._linked(new):
                ids.add(message_id)
                found.update(key for some in keys for key in some or () if key is not None)
                if is_pending and message_id not in self.kinds:
                    waiting.append(message_id)
            new = (found | self._understand(waiting)) - known
        aliases = self.connection.execute(statement("aliases"), {"keys": list(known)}).fetchall()
        return ids - set(self.problems), dict(aliases)

    def _linked(self, keys: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        parameters = {"keys": list(keys), "codes": ["ADT", *sorted(CLINICAL)]}
        with self.connection.transaction(), self.connection.cursor(name="related") as cursor:
            cursor.itersize = 10_000
            cursor.execute(statement("related_messages"), parameters)
            yield from cursor

    def _understand(self, ids: Sequence[int]) -> set[int]:
        """Read pending messages, correct what landing noted of them, and say whom they name."""
        found: set[int] = set()
        for some in batched(ids, _AT_ONCE):
            rows = self.connection.execute(statement("messages_to_understand"), {"ids": list(some)}).fetchall()
            corrections: list[tuple[Any, ...]] = []
            named: list[tuple[int, int, int | None]] = []
            for message_id, body, code, trigger, *noted in rows:
                self.kinds[message_id] = identity.kind(code, trigger)
                outcome = self._outcome(message_id, body, noted[0])
                if not isinstance(outcome, Event):
                    self.problems[message_id] = outcome
                    continue
                if len(self._events) < _KEPT:
                    self._events[message_id] = outcome
                first = outcome.parties[0]
                keys = (first.person_key, first.retired_key, first.visit_key)
                right = (*keys, outcome.event_at, outcome.message_at)
                if right != tuple(noted):
                    corrections.append((message_id, *right))
                others = _others(outcome, keys)
                named.extend((message_id, key, alias_of) for key, alias_of in others.items())
                found.update(key for key in (*keys, *others) if key is not None)
            self._note(corrections, named)
        return found

    def _note(self, corrections: list[tuple[Any, ...]], named: list[tuple[int, int, int | None]]) -> None:
        columns = ("message_id", "patient_key", "merged_patient_key", "visit_key", "event_at", "message_at")
        _execute(self.connection, "correct_messages", columns, corrections)
        _execute(self.connection, "insert_message_keys", ("message_id", "named_key", "alias_of"), named)

    def _outcome(self, message_id: int, body: bytes, patient_key: int | None) -> Outcome:
        if patient_key in self.erased:
            return NotMappedError("erased")
        try:
            event = read_event(message_id, body, self.policy)
        except (NotMappedError, MessageError) as error:
            return error
        is_erased = any({party.person_key, party.retired_key} & self.erased for party in event.parties)
        return NotMappedError("erased") if is_erased else event

    def in_order(self, ids: set[int]) -> Iterator[Event]:
        """The events of messages in the order in which they happened; memory holds some thousand at a time."""
        with self.connection.transaction(), self.connection.cursor(name="ordered") as cursor:
            cursor.itersize = 10_000
            cursor.execute(statement("messages_in_order"), {"ids": list(ids)})
            waiting: dict[int, bool] = {}
            last = None
            for message_id, event_at, message_at, is_reused in cursor:
                if len(waiting) >= _AT_ONCE and (event_at, message_at) != last:
                    yield from self._read(waiting)
                    waiting = {}
                last = (event_at, message_at)
                waiting[message_id] = is_reused
            yield from self._read(waiting)

    def _read(self, wanted: dict[int, bool]) -> list[Event]:
        """Events, by id and whether the message number was used before, in order."""
        events = {message_id: self._events.pop(message_id) for message_id in wanted if message_id in self._events}
        missing = [message_id for message_id in wanted if message_id not in events]
        if missing:
            query = "SELECT message_id, body, patient_key FROM landing.hl7_message WHERE message_id = ANY(%s)"
            for message_id, body, patient_key in self.connection.execute(query, (missing,)):
                outcome = self._outcome(message_id, body, patient_key)
                if isinstance(outcome, Event):
                    events[message_id] = outcome
        retiring = (item for item in events.items() if item[1].parties[0].retired_key is not None)
        self.merges.update((number, event.kind) for number, event in retiring)
        doubt = Doubt("control_id_reused", "MSH-10", "")
        reused = {number for number, is_reused in wanted.items() if is_reused and number in events}
        events |= {number: replace(events[number], doubts=(*events[number].doubts, doubt)) for number in reused}
        return sorted(events.values(), key=lambda event: event.order)


def _others(event: Event, first: tuple[int | None, ...]) -> dict[int, int | None]:
    """Keys that a message names beyond those that landing has columns for, each with what it is an alias of."""
    found: dict[int, int | None] = {}
    for party in event.parties:
        keys = (party.person_key, party.retired_key, party.visit_key, *party.former_visits)
        found |= {key: None for key in keys if key is not None and key not in first}
        found |= party.aliases
    return found


def _execute(
    connection: psycopg.Connection[Any], name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    if rows:
        values = zip(*rows, strict=True)
        connection.execute(statement(name), {column: list(some) for column, some in zip(columns, values, strict=True)})
