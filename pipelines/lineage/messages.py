"""Which HL7 v2 messages a folded person, visit or order is made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pipelines.hl7 import identity
from pipelines.hl7.events import Event, NotMappedError, read_event
from pipelines.hl7.message import MessageError
from pipelines.hl7.orders import document_key, order_key
from pipelines.hl7.policy import Policy
from pipelines.keys import resource_key
from pipelines.lineage.statements import statement
from resources.settings import Settings


@dataclass(frozen=True)
class SourceMessage:
    """One message.

    Attributes:
        about: where it lies, its type and time; nothing of its fields.
        body: the bytes as received.
        resource_keys: of everything that it has a part in, so also of what else it tells of.
    """

    about: Mapping[str, Any]
    body: bytes
    resource_keys: frozenset[int]


def messages_of(
    settings: Settings, connection: psycopg.Connection[Any], resource: Mapping[str, Any]
) -> Iterator[SourceMessage]:
    """The folded messages that told of a person, a visit or an order, in the order of receipt.

    Of a person and a visit those of patient administration, which decide; of a person whom only results tell of, these.

    Args:
        settings: the time zone of messages that name none.
        connection: as INGEST.
        resource: a row of ``bronze.resource`` of HL7 v2.
    """
    kind = resource["record_type"]
    whose = {
        "person_key": None if kind == "Visit" else resource["person_key"],
        "visit_key": int(resource["record_id"]) if kind == "Visit" else None,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement("messages_of_person"), whose).fetchall()
    events = [(row, event) for row in rows if (event := _event(settings, row)) is not None]
    if kind == "Visit" or (kind == "Person" and any(event.is_admission for _, event in events)):
        events = [(row, event) for row, event in events if event.is_admission]
    for row, event in events:
        keys = _folded_keys(event)
        if resource["resource_key"] in keys:
            yield SourceMessage(_about(row), bytes(row["body"]), keys)


def _event(settings: Settings, row: Mapping[str, Any]) -> Event | None:
    """What a message tells; None if it is landed and has no part in any row."""
    try:
        return read_event(row["message_id"], row["body"], Policy.of(settings))
    except (NotMappedError, MessageError):
        return None


def _folded_keys(event: Event) -> frozenset[int]:
    """Keys of all people, visits, orders and documents that a message tells of."""
    named: set[tuple[str, int | None]] = set()
    for party in event.parties:
        named |= {("Person", party.person_key), ("Person", party.retired_key), ("Visit", party.visit_key)}
        named |= {("Visit", key) for key in party.former_visits}
        named |= {(kind, key) for key in party.aliases.values() for kind in ("Person", "Visit")}
        named |= {("Order", order_key(party.person_key, result.order)) for result in party.results}
        if party.document is not None:
            named.add(("Document", document_key(party.person_key, party.document.number)))
    return frozenset(resource_key(identity.SOURCE_SYSTEM, kind, str(key)) for kind, key in named if key is not None)


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source_system": identity.SOURCE_SYSTEM,
        "record_type": identity.kind(row["message_code"], row["trigger_event"]),
        "record_id": row["message_id"],
        "last_updated": row["message_at"],
        "file_sha256": row["file_sha256"],
        "kind": "hl7v2",
        "byte_offset": row["byte_offset"],
        "loaded_at": row["folded_at"],
    }
