"""Findings over several messages: one row each, dated by the message that first stated it."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pipelines.hl7.clinical import KINDS, Finding
from pipelines.hl7.rows import Row
from pipelines.hl7.values import Timestamp
from pipelines.keys import derived_key


class Stated(NamedTuple):
    """When a finding was first stated: the event's time as written, and when the source knew."""

    occurred: Timestamp | None
    known_at: datetime | None


class Findings:
    """What stands of one visit or person."""

    def __init__(self) -> None:
        self._standing: dict[tuple[str, str], tuple[Finding, Stated]] = {}

    def state(self, found: Iterable[Finding], stated: Stated, *, snapshot: bool) -> None:
        """What one more message says. It changes nothing of kinds that it has no segment of.

        Args:
            found: all findings of a message.
            stated: when.
            snapshot: findings replace all of their kind that stood before.
        """
        found = list(found)
        told = {finding.kind for finding in found} if snapshot else set()
        before = self._standing
        self._standing = {key: value for key, value in before.items() if key[0] not in told} if told else before
        for finding in found:
            key = (finding.kind, finding.identity)
            if finding.withdrawn:
                self._standing.pop(key, None)
            else:
                self._standing[key] = (finding, before[key][1] if key in before else stated)

    def absorb(self, other: "Findings") -> None:
        """What stood of a visit that was merged into this one."""
        self._standing = other._standing | self._standing

    def clear(self) -> None:
        """Nothing stands any more."""
        self._standing = {}

    def rows(self, person_key: int, visit_key: int | None) -> dict[str, list[Row]]:
        """Rows by bronze table."""
        found: dict[str, list[Row]] = {}
        for (kind, identity), (finding, stated) in self._standing.items():
            described = KINDS[kind]
            at = finding.at or (stated.occurred if described.dated else None)
            row = {
                f"{described.table}_key": derived_key(str(visit_key or person_key), kind, identity),
                "person_key": person_key,
                f"{described.date}_date": at.day if at else None,
                "known_at": stated.known_at,
                **described.constants,
                **finding.columns,
            }
            if described.of_visit:
                row["visit_occurrence_key"] = visit_key
            if described.dated:
                row[f"{described.date}_datetime"] = at.local if at else None
            found.setdefault(described.table, []).append(row)
        return found
