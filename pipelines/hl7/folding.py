"""Pending messages into bronze: for whatever they touch, all messages are folded in the order of events."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from pipelines import bronze, quarantine, tombstones
from pipelines.account import Account
from pipelines.hl7 import identity
from pipelines.hl7.events import Event, NotMappedError, read_event
from pipelines.hl7.message import MessageError
from pipelines.hl7.orders import fold_orders
from pipelines.hl7.people import fold_person
from pipelines.hl7.rows import Folded, batch
from pipelines.hl7.statements import statement
from pipelines.hl7.visits import fold_visit
from pipelines.quarantine import QuarantinedRecord
from resources import audit, locks
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings

_MESSAGES_A_ROUND = 10_000


class AccountError(RuntimeError):
    """Messages read are not all accounted for; the fold was undone."""


@dataclass(frozen=True)
class FoldReport:
    """What became of the pending messages.

    Attributes:
        account: of the messages that were pending.
        person_keys: source persons of whom something changed in bronze.
    """

    account: Account
    person_keys: tuple[int, ...]


@dataclass(frozen=True)
class _Pending:
    message_id: int
    kind: str


@dataclass
class _Round:
    """Pending messages that are folded in one transaction."""

    pending: list[_Pending]
    account: Account = field(default_factory=Account)
    quarantined: list[QuarantinedRecord] = field(default_factory=list)

    def settle(self, outcomes: dict[int, Event | NotMappedError | MessageError]) -> None:
        """Account for every pending message."""
        for message in self.pending:
            outcome = outcomes[message.message_id]
            self.account.read[message.kind] += 1
            if isinstance(outcome, Event):
                self.account.loaded[message.kind] += 1
            elif isinstance(outcome, NotMappedError):
                self.account.excluded[outcome.reason] += 1
            else:
                self.account.quarantined[outcome.reason] += 1
                self.quarantined.append(_record(message, outcome))
        if not self.account.closes:
            raise AccountError("the account of the pending messages does not close; nothing was folded.")

    def finish(self, connection: psycopg.Connection[Any]) -> None:
        """Mark the messages as folded, in the transaction of their rows."""
        ids = [message.message_id for message in self.pending]
        connection.execute("UPDATE landing.hl7_message SET folded_at = now() WHERE message_id = ANY(%s)", (ids,))
        quarantine.keep(connection, self.quarantined)
        quarantine.release_messages(connection, ids, self.quarantined)
        audit.record(
            connection,
            subject="service:ingest",
            purpose="load",
            action="load",
            object_kind="landing.hl7_message",
            object_ids=ids,
            row_count=self.account.loaded.total(),
            details={"read": self.account.read.total(), "quarantined": self.account.quarantined.total()},
        )


def pending_messages(database: Database) -> int:
    """How many landed messages are not part of bronze yet."""
    with without_row_values(), database.connect(Role.INGEST) as connection:
        row = connection.execute("SELECT count(*) FROM landing.hl7_message WHERE folded_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def fold_messages(settings: Settings, database: Database, progress: Progress | None = None) -> FoldReport:
    """Fold every pending message; folds wait for each other.

    Raises:
        AccountError: the account does not close.
        pipelines.bronze.BronzeLoadError: bronze could not be loaded and is as it was.
    """
    account, people = Account(), set[int]()
    with without_row_values(), _one_fold_at_a_time(database) as connection:
        while pending := connection.execute(statement("pending_messages"), {"limit": _MESSAGES_A_ROUND}).fetchall():
            turn = _Round([_Pending(row[0], identity.kind(row[1], row[2])) for row in pending])
            events = _events(connection, settings, turn, pending)
            changed = _changed(connection, list(_folded(events)))
            _load(settings, database, turn, changed)
            account += turn.account
            people.update(item.person_key for item in changed)
            if progress:
                progress("folding messages", account.read.total(), None)
    return FoldReport(account, tuple(sorted(people)))


def replay_messages(
    settings: Settings, database: Database, progress: Progress | None = None, reason: str | None = None
) -> FoldReport:
    """Fold messages again that are in quarantine; what has become usable is loaded and released.

    Args:
        reason: only those that are there for this reason.

    Raises:
        as ``fold_messages``.
    """
    with without_row_values(), database.connect(Role.INGEST) as connection:
        connection.execute(
            "UPDATE landing.hl7_message SET folded_at = NULL "
            "WHERE message_id IN (SELECT message_id FROM quarantine.record WHERE released_at IS NULL "
            "AND reason = coalesce(%s::text, reason))",
            (reason,),
        )
    return fold_messages(settings, database, progress)


@contextmanager
def _one_fold_at_a_time(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection that holds the lock: a fold that began before another must not overwrite it."""
    with database.connect(Role.INGEST, autocommit=True) as connection:
        locks.hold(connection, locks.FOLD)
        yield connection


def _events(
    connection: psycopg.Connection[Any], settings: Settings, turn: _Round, pending: Sequence[tuple[Any, ...]]
) -> list[Event]:
    """Events of everything the pending messages touch, in the order in which they happened."""
    zone = ZoneInfo(settings.time_zone)
    ids = {row[0] for row in pending} | _related(connection, [row[3:6] for row in pending if row[1] in ("ADT", "ORU")])
    erased = tombstones.read(connection).people
    bodies = connection.execute(
        "SELECT message_id, body, patient_key FROM landing.hl7_message WHERE message_id = ANY(%s)", (list(ids),)
    )
    outcomes = {
        message_id: NotMappedError("erased") if patient in erased else _outcome(message_id, body, zone)
        for message_id, body, patient in bodies
    }
    turn.settle(outcomes)
    events = [outcome for outcome in outcomes.values() if isinstance(outcome, Event)]
    return sorted(events, key=lambda event: event.order)


def _outcome(message_id: int, body: bytes, zone: ZoneInfo) -> Event | NotMappedError | MessageError:
    try:
        return read_event(message_id, body, zone)
    except (NotMappedError, MessageError) as error:
        return error


def _related(connection: psycopg.Connection[Any], keys: Sequence[Sequence[int | None]]) -> set[int]:
    """Messages linked to the pending ones by patient, merge or visit, however far: a fold sees the whole."""
    patients, visits, found = set[int](), set[int](), set[int]()
    new_patients, new_visits = _distinct(keys)
    while new_patients or new_visits:
        patients |= new_patients
        visits |= new_visits
        wanted = {"patients": list(new_patients), "visits": list(new_visits)}
        rows = connection.execute(statement("related_messages"), wanted).fetchall()
        found.update(row[0] for row in rows)
        new_patients, new_visits = _distinct([row[1:] for row in rows])
        new_patients -= patients
        new_visits -= visits
    return found


def _distinct(keys: Sequence[Sequence[int | None]]) -> tuple[set[int], set[int]]:
    patients = {key for row in keys for key in row[:2] if key is not None}
    return patients, {row[2] for row in keys if row[2] is not None}


def _folded(events: Sequence[Event]) -> Iterator[Folded]:
    """The state of every person, visit and order that the events are about."""
    people: dict[int, list[Event]] = defaultdict(list)
    visits: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        people[event.person_key].append(event)
        if event.retired_key is not None and event.retired_key != event.person_key:
            people[event.retired_key].append(event)
        if event.visit_key is not None and event.is_admission:
            visits[event.visit_key].append(event)
    for person_key, about in people.items():
        person = fold_person(person_key, about)
        if person is not None:
            yield person
        yield from fold_orders(person_key, about)
    for visit_key, named in visits.items():
        owners = {event.person_key for event in named}
        deletions = [event for owner in owners for event in people[owner] if event.trigger == "A29"]
        visit = fold_visit(visit_key, sorted([*named, *deletions], key=lambda event: event.order))
        if visit is not None:
            yield visit


def _changed(connection: psycopg.Connection[Any], folded: Sequence[Folded]) -> list[Folded]:
    """What bronze does not have as it is now."""
    rows = connection.execute(
        "SELECT resource_key, content_sha256 FROM bronze.resource WHERE resource_key = ANY(%s)",
        ([item.key for item in folded],),
    ).fetchall()
    known = dict(rows)
    return [item for item in folded if known.get(item.key) != item.content_sha256]


def _load(settings: Settings, database: Database, turn: _Round, changed: Sequence[Folded]) -> None:
    if changed:
        bronze.load(settings, database, [batch(changed)], turn.finish)
        return
    with database.connect(Role.INGEST) as connection:
        turn.finish(connection)


def _record(message: _Pending, error: MessageError) -> QuarantinedRecord:
    return QuarantinedRecord(
        record_key=f"message:{message.message_id}",
        reason=error.reason,
        message_id=message.message_id,
        resource_type=message.kind,
        detail=error.detail,
    )
