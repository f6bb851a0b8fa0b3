"""Pending messages into bronze: for whatever they touch, all messages are folded in the order of events."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pipelines import bronze, quarantine, tombstones
from pipelines.account import Account
from pipelines.hl7.batches import batched
from pipelines.hl7.events import NotMappedError
from pipelines.hl7.message import MessageError
from pipelines.hl7.policy import Policy
from pipelines.hl7.reading import Reader
from pipelines.hl7.rows import Folded, batch
from pipelines.hl7.statements import statement
from pipelines.hl7.world import World
from pipelines.quarantine import QuarantinedRecord
from resources import audit, locks
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings

_MESSAGES_A_ROUND = 10_000
_ITEMS_AT_ONCE = 5000


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


@dataclass
class _Round:
    """Messages that are folded in one transaction.

    Attributes:
        refused: merges that can't be used for what other messages say, by id.
    """

    reader: Reader
    refused: dict[int, MessageError]
    account: Account = field(default_factory=Account)
    quarantined: list[QuarantinedRecord] = field(default_factory=list)

    def settle(self) -> None:
        """Account for every pending message."""
        for message_id, kind in self.reader.kinds.items():
            self.account.read[kind] += 1
            problem = self.reader.problems.get(message_id) or self.refused.get(message_id)
            if problem is None:
                self.account.loaded[kind] += 1
            elif isinstance(problem, NotMappedError):
                self.account.excluded[problem.reason] += 1
            else:
                self.account.quarantined[problem.reason] += 1
                self.quarantined.append(_record(message_id, kind, problem))
        # A merge that was fine until an earlier one arrived.
        for message_id in self.refused.keys() - self.reader.kinds.keys():
            self.quarantined.append(_record(message_id, self.reader.merges[message_id], self.refused[message_id]))
        if not self.account.closes:
            raise AccountError("the account of the pending messages does not close; nothing was folded.")

    def finish(self, connection: psycopg.Connection[Any]) -> None:
        """Mark the messages as folded, in the transaction of their rows."""
        ids = list(self.reader.kinds)
        connection.execute("UPDATE landing.hl7_message SET folded_at = now() WHERE message_id = ANY(%s)", (ids,))
        quarantine.keep(connection, self.quarantined)
        quarantine.release_messages(connection, [*ids, *self.reader.merges], self.quarantined)
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


def fold_messages(settings: Settings, database: Database, progress: Progress | None = None) -> FoldReport:
    """Fold every pending message; folds wait for each other.

    Raises:
        AccountError: the account does not close.
        pipelines.bronze.BronzeLoadError: bronze could not be loaded and is as it was.
    """
    account, people = Account(), set[int]()
    with without_row_values(), _one_fold_at_a_time(database) as connection:
        policy = Policy.of(settings)
        while pending := connection.execute(statement("pending_messages"), {"limit": _MESSAGES_A_ROUND}).fetchall():
            reader = Reader(connection, policy, frozenset(tombstones.read(connection).people))
            ids, aliases = reader.related(message_id for (message_id,) in pending)
            world = World(policy, aliases)
            for event in reader.in_order(ids):
                world.apply(event)
            turn = _Round(reader, world.refused)
            turn.settle()
            changed = _changed(connection, world.folded())
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


def _changed(connection: psycopg.Connection[Any], folded: Iterable[Folded]) -> list[Folded]:
    """What bronze does not have as it is now."""
    found: list[Folded] = []
    for items in batched(folded, _ITEMS_AT_ONCE):
        rows = connection.execute(
            "SELECT resource_key, content_sha256 FROM bronze.resource WHERE resource_key = ANY(%s)",
            ([item.key for item in items],),
        ).fetchall()
        known = dict(rows)
        found.extend(item for item in items if known.get(item.key) != item.content_sha256)
    return found


def _load(settings: Settings, database: Database, turn: _Round, changed: Sequence[Folded]) -> None:
    if changed:
        bronze.load(settings, database, map(batch, batched(changed, _ITEMS_AT_ONCE)), turn.finish)
        return
    with database.connect(Role.INGEST) as connection:
        turn.finish(connection)


def _record(message_id: int, kind: str, error: MessageError) -> QuarantinedRecord:
    return QuarantinedRecord(
        record_key=f"message:{message_id}",
        reason=error.reason,
        message_id=message_id,
        resource_type=kind,
        detail=error.detail,
    )
