"""What a fold gives: a bronze resource with its rows, or the reason why it has none."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from pipelines.bronze import Batch
from pipelines.hl7.identity import SOURCE_SYSTEM
from pipelines.keys import resource_key

Row = dict[str, Any]


def latest(*moments: datetime | None) -> datetime | None:
    """The last of the moments that are known: messages are folded in the order of events, not in that of sending."""
    return max((moment for moment in moments if moment is not None), default=None)


@dataclass(frozen=True)
class Folded:
    """The state of a person, a visit or an order after all its messages.

    Attributes:
        kind: ``Person``, ``Visit`` or ``Order``.
        identity: opaque key of which one it is.
        person_key: whose it is.
        known_at: when the source said the last of it.
        outcome: ``loaded``, or why there are no rows.
        rows: by bronze table, without the columns that all tables have.
        security_labels: codings that hold for all rows.
    """

    kind: str
    identity: int
    person_key: int
    known_at: datetime | None
    outcome: str = "loaded"
    rows: Mapping[str, list[Row]] = field(default_factory=dict)
    security_labels: Sequence[Mapping[str, str]] | None = None

    @property
    def key(self) -> int:
        """Key of the resource that owns the rows."""
        return resource_key(SOURCE_SYSTEM, self.kind, str(self.identity))

    @property
    def content_sha256(self) -> str:
        """Hash of everything that reaches bronze: an equal one needs no load."""
        content = [self.outcome, self.person_key, self.known_at, dict(self.rows), self.security_labels]
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def batch(folded: Iterable[Folded]) -> Batch:
    """Rows for ``pipelines.bronze.load``.

    ``last_updated`` stays null, with which a fold replaces whatever bronze has: it saw all messages there are.
    """
    result: dict[str, list[Row]] = {}
    for item in folded:
        common = {"resource_key": item.key, "source_system": SOURCE_SYSTEM}
        result.setdefault("resource", []).append(
            {
                **common,
                "resource_type": item.kind,
                "resource_id": str(item.identity),
                "content_sha256": item.content_sha256,
                "version_at": item.known_at,
                "outcome": item.outcome,
                "person_key": item.person_key,
                "security_labels": item.security_labels,
            }
        )
        for table, rows in item.rows.items():
            result.setdefault(table, []).extend({**common, "known_at": item.known_at, **row} for row in rows)
    return result
