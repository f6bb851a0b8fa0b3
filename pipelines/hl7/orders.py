"""The state of orders and documents after all messages that report them.

Source: HL7 v2.5.1 §7.4.2, OBX-11: a corrected result replaces, a deleted or wrong one withdraws; §9.5, MDM.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pipelines.hl7.documents import Document
from pipelines.hl7.events import Event, Party
from pipelines.hl7.results import Result
from pipelines.hl7.rows import Folded, Row
from pipelines.hl7.values import Timestamp
from pipelines.keys import derived_key

_DATES = {
    "measurement": "measurement",
    "observation": "observation",
    "note": "note",
    "drug_exposure": "drug_exposure_start",
}
"""Prefix of the date columns, by bronze table."""

Owner = Callable[[int, int | None], tuple[int, int | None]]
"""The person and the visit that a row belongs to now, of those that its message named."""


class _Standing(NamedTuple):
    """A result with the message that stated it last."""

    result: Result
    visit_key: int | None
    known_at: datetime | None


def order_key(person_key: int, order: str) -> int:
    """Which order it is: a person's, by its number."""
    return derived_key(str(person_key), "order", order)


def document_key(person_key: int, number: str) -> int:
    """Which document it is: a person's, by its number."""
    return derived_key(str(person_key), "document", number)


@dataclass
class Orders:
    """Every order of a person."""

    person_key: int
    orders: dict[str, dict[tuple[str, ...], _Standing]] = field(default_factory=dict)

    def tell(self, event: Event, party: Party) -> None:
        """What a message reports."""
        for result in party.results:
            standing = self.orders.setdefault(result.order, {})
            identity = result.identity or ()
            if result.withdrawn:
                standing.pop(identity, None)
            else:
                standing[identity] = _Standing(result, party.visit_key, event.message_at)

    def delete(self) -> None:
        """A29: none of them stands."""
        for standing in self.orders.values():
            standing.clear()

    def folded(self, owner: Owner) -> Iterable[Folded]:
        """The orders as they are now."""
        for order, standing in self.orders.items():
            key = order_key(self.person_key, order)
            known_at = max((one.known_at for one in standing.values() if one.known_at), default=None)
            rows: dict[str, list[Row]] = {}
            person_key = self.person_key
            for one in standing.values():
                person_key, visit_key = owner(self.person_key, one.visit_key)
                row = _row(one.result.table, derived_key(str(key), *(one.result.identity or ())), one.result.at)
                row |= {"person_key": person_key, "visit_occurrence_key": visit_key, "known_at": one.known_at}
                rows.setdefault(one.result.table, []).append({**one.result.columns, **row})
            yield Folded("Order", key, person_key, known_at, "loaded" if rows else "withdrawn", rows)


def _row(table: str, key: int, at: Timestamp | None) -> dict[str, Any]:
    prefix = _DATES[table]
    return {
        f"{table}_key": key,
        f"{prefix}_date": at.day if at else None,
        f"{prefix}_datetime": at.local if at else None,
    }


@dataclass
class _Kept:
    """A document while it is folded."""

    columns: dict[str, Any] | None = None
    status: str = ""
    is_unfinished: bool = False
    outcome: str = ""
    at: Timestamp | None = None
    visit_key: int | None = None
    known_at: datetime | None = None


@dataclass
class Documents:
    """Every document of a person."""

    person_key: int
    documents: dict[str, _Kept] = field(default_factory=dict)

    def tell(self, event: Event, party: Party, document: Document) -> None:
        """What a message says of a document; a replacement withdraws the one it stands for."""
        kept = self.documents.setdefault(document.number, _Kept())
        kept.known_at = event.message_at
        kept.visit_key = party.visit_key if party.visit_key is not None else kept.visit_key
        kept.at = document.at or kept.at
        if document.columns is not None:
            kept.columns = document.columns
        if document.status:
            kept.is_unfinished = document.is_unfinished
        kept.outcome = "withdrawn" if document.withdrawn else ""
        if document.replaced is not None and document.replaced != document.number:
            self.documents.setdefault(document.replaced, _Kept()).outcome = "replaced"

    def delete(self) -> None:
        """A29: none of them stands."""
        for kept in self.documents.values():
            kept.columns, kept.outcome = None, "deleted"

    def folded(self, owner: Owner) -> Iterable[Folded]:
        """The documents as they are now: one without text, unfinished, replaced or cancelled is no note."""
        for number, kept in self.documents.items():
            key = document_key(self.person_key, number)
            person_key, visit_key = owner(self.person_key, kept.visit_key)
            outcome = kept.outcome or ("no_text" if kept.columns is None else "")
            outcome = outcome or ("unfinished" if kept.is_unfinished else "loaded")
            rows: dict[str, list[Row]] = {}
            if outcome == "loaded":
                row = _row("note", key, kept.at) | {"person_key": person_key, "visit_occurrence_key": visit_key}
                rows["note"] = [{**(kept.columns or {}), **row}]
            yield Folded("Document", key, person_key, kept.known_at, outcome, rows)
