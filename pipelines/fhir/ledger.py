"""Keeps a load's account while it decides which resources are new, and which rows therefore go to bronze."""

from collections.abc import Iterable
from typing import Any

import psycopg

from pipelines.account import Account
from pipelines.bronze import Batch
from pipelines.fhir.seen import Seen, SeenResources
from pipelines.fhir.statements import statement
from pipelines.fhir.worker import MappedResource, Outcome, Unusable
from pipelines.landing import LandedFile
from pipelines.quarantine import QuarantinedRecord
from pipelines.tombstones import Tombstones, birth_date, read

_Version = tuple[str, str]
"""Place among the versions of a resource (``pipelines.fhir.version``), and the hash of content and mapping."""


class Ledger:
    """Accounts by file, and the versions of resources this load has seen.

    A resource whose content and mapping bronze already has is ``unchanged``; one older than what bronze or this load
    has is ``superseded``; one about an erased person is ``erased``. A Patient with an erased person's identifier whom
    bronze or this load knew before is quarantined, ``erased_identifier``, and stays what it was: an update must not
    erase somebody.

    Attributes:
        resources_read: so far.
        files_to_redact: files that hold records of erased people, or name one in somebody else's.
        new_people: source persons that turned out to be erased people by their identifiers.
    """

    def __init__(self, reader: psycopg.Connection[Any]) -> None:
        self._reader = reader
        self._accounts: dict[int, Account] = {}
        self._seen = SeenResources()
        self._confirmed: dict[int, str] = {}
        self._quarantined: list[tuple[QuarantinedRecord, frozenset[int]]] = []
        self.resources_read = 0
        self.files_to_redact: set[int] = set()
        self.new_people: set[int] = set()
        self._tombstones: Tombstones | None = None

    @property
    def tombstones(self) -> Tombstones:
        """Read when first asked for: a load asks while it holds the lock that an erasure waits for."""
        if self._tombstones is None:
            self._tombstones = read(self._reader)
        return self._tombstones

    @property
    def quarantined(self) -> list[QuarantinedRecord]:
        """Records that can't be used."""
        return [record for record, _ in self._quarantined]

    def open_file(self, file: LandedFile) -> None:
        """Start a file's account."""
        self._accounts[file.file_id] = Account()

    def account(self, file_id: int) -> Account:
        """A file's account."""
        return self._accounts[file_id]

    def total(self) -> Account:
        """The account of the load."""
        return sum(self._accounts.values(), Account())

    def refuse_file(self, file: LandedFile, reason: str) -> None:
        """Quarantine a file as a whole."""
        account = self._accounts[file.file_id]
        account.read["unknown"] += 1
        account.quarantined[reason] += 1
        self._quarantined.append((QuarantinedRecord(file.sha256, reason, file.file_id), frozenset()))

    def settle(self, outcome: Outcome) -> Batch:
        """Account for a task's records and return the rows that bronze lacks."""
        account = self._accounts[outcome.file_id]
        if not outcome.mentioned.isdisjoint(self.tombstones.people):
            self.files_to_redact.add(outcome.file_id)
        self.resources_read += len(outcome.resources) + len(outcome.unusable)
        for unusable in outcome.unusable:
            account.read[unusable.resource_type] += 1
            if not unusable.people.isdisjoint(self.tombstones.people):
                self.files_to_redact.add(outcome.file_id)
            if unusable.people and unusable.people <= self.tombstones.people:
                account.excluded["erased"] += 1
                continue
            account.quarantined[unusable.reason] += 1
            self._quarantined.append((_record(outcome, unusable), unusable.people))
        known = self._known(resource.key for resource in outcome.resources)
        chosen: dict[int, int] = {}
        for index, resource in enumerate(outcome.resources):
            account.read[resource.resource_type] += 1
            is_known = resource.key in known or resource.key in self._seen
            has_taken_identifier = self._has_taken_identifier(resource)
            if has_taken_identifier and not is_known:
                self.new_people |= resource.people
                self.tombstones.people.update(resource.people)
            if not resource.people.isdisjoint(self.tombstones.people):
                self.files_to_redact.add(outcome.file_id)
            if resource.people and resource.people <= self.tombstones.people:
                account.excluded["erased"] += 1
                continue
            reason = self._reason_to_leave(resource, known.get(resource.key))
            if reason is not None:
                account.excluded[reason] += 1
                continue
            if has_taken_identifier:
                account.quarantined["erased_identifier"] += 1
                refused = _unusable(resource, "erased_identifier")
                self._quarantined.append((_record(outcome, refused), resource.people))
                continue
            self._replace(resource, outcome.file_id)
            chosen[resource.key] = index
        return {table: rows.of(list(chosen.values())) for table, rows in outcome.rows.items()} if chosen else {}

    def _has_taken_identifier(self, resource: MappedResource) -> bool:
        """Whether a Patient who is no erased person by key has an identifier of one, and no other birth date."""
        if resource.people <= self.tombstones.people or not self.tombstones.names(resource.identities):
            return False
        return self.tombstones.names(resource.identities, birth_date(self._reader, resource.key))

    def _reason_to_leave(self, resource: MappedResource, known: _Version | None) -> str | None:
        seen = self._seen.get(resource.key)
        current = known if seen is None else (seen.order, seen.content_sha256)
        if current is None:
            return None
        order, content = max(current[0], self._confirmed.get(resource.key, "")), current[1]
        if content == resource.version[1]:
            if resource.version[0] > order:
                self._confirmed[resource.key] = resource.version[0]
            return "unchanged"
        return "superseded" if resource.version[0] < order else None

    def withdraw_new_people(self) -> set[int]:
        """Count as erased what was read of ``new_people`` before anybody knew who they are.

        Returns:
            Keys of resources that are to be withdrawn with them.
        """
        withdrawn = set()
        for key, seen in self._seen.of(self.new_people):
            self._count(seen, -1)
            self._accounts[seen.file_id].excluded["erased"] += 1
            withdrawn.add(key)
        kept = []
        for record, people in self._quarantined:
            if people and people <= self.tombstones.people and record.file_id is not None:
                self._accounts[record.file_id].quarantined[record.reason] -= 1
                self._accounts[record.file_id].excluded["erased"] += 1
            else:
                kept.append((record, people))
        self._quarantined = kept
        return withdrawn

    def confirm(self, connection: psycopg.Connection[Any]) -> None:
        """Keep that what bronze has was still so later, in the transaction of the load.

        A version that says no time counts as of when it was received: received again it is newer than what came
        between, even if that is loaded after it.
        """
        confirmed = {"resource_keys": list(self._confirmed), "version_orders": list(self._confirmed.values())}
        connection.execute(statement("confirm_versions"), confirmed)

    def _replace(self, resource: MappedResource, file_id: int) -> None:
        """Count a resource under what became of it; a version of it that this load had counted is superseded."""
        former = self._seen.get(resource.key)
        if former is not None:
            self._count(former, -1)
            self._accounts[former.file_id].excluded["superseded"] += 1
        person = next(iter(resource.people)) if len(resource.people) == 1 else None
        seen = Seen(*resource.version, file_id, resource.resource_type, resource.outcome, person)
        self._count(seen, 1)
        self._seen.put(resource.key, seen)

    def _count(self, seen: Seen, number: int) -> None:
        account = self._accounts[seen.file_id]
        if seen.outcome == "loaded":
            account.loaded[seen.resource_type] += number
        else:
            account.excluded[seen.outcome] += number

    def _known(self, keys: Iterable[int]) -> dict[int, _Version]:
        rows = self._reader.execute(
            "SELECT resource_key, version_order, content_sha256 FROM bronze.resource WHERE resource_key = ANY(%s)",
            (list(keys),),
        ).fetchall()
        return {key: (order, sha256) for key, order, sha256 in rows}


def _record(outcome: Outcome, unusable: Unusable) -> QuarantinedRecord:
    place = f"{outcome.sha256}:{unusable.line_number}"
    return QuarantinedRecord(
        record_key=place if unusable.entry is None else f"{place}:{unusable.entry}",
        reason=unusable.reason,
        file_id=outcome.file_id,
        line_number=unusable.line_number,
        entry=unusable.entry,
        resource_type=unusable.resource_type,
        detail=unusable.detail,
    )


def _unusable(resource: MappedResource, reason: str) -> Unusable:
    return Unusable(resource.line_number, resource.entry, resource.resource_type, reason, None)
