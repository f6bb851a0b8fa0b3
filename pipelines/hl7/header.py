"""What landing keeps of a message beside its bytes: sender, MSH-10, type, keys and times."""

import hashlib
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pipelines.hl7 import identity
from pipelines.hl7.events import times
from pipelines.hl7.message import Message, MessageError, parse
from pipelines.hl7.ownership import Whose, whose

TEXTS = (
    "sending_application",
    "sending_facility",
    "message_control_id",
    "message_code",
    "trigger_event",
    "version_id",
    "processing_id",
)
KEYS = ("patient_key", "merged_patient_key", "visit_key")
TIMES = ("message_at", "event_at")
_EMPTY: dict[str, Any] = dict.fromkeys(TEXTS, "") | dict.fromkeys((*KEYS, *TIMES))


class Header(NamedTuple):
    """What can be read of a message without understanding it.

    Attributes:
        columns: of ``landing.hl7_message`` by name, as far as they can be read.
        whose: whose it is, None where that can't be read.
        problem: quarantine reason of a message that no fold can use, None for others.
    """

    columns: dict[str, Any]
    whose: Whose | None
    problem: str | None


def read_header(body: bytes, zone: ZoneInfo) -> Header:
    """The header of a message, whose body begins with its MSH segment.

    Columns that can't be read are empty; folding says what is wrong with a message that is stored anyway.

    Args:
        body: the message's bytes.
        zone: of times that carry no offset.
    """
    of_bytes = {"body_sha256": hashlib.sha256(body).digest(), "body": body}
    try:
        message = parse(body)
    except MessageError as error:
        return Header(_EMPTY | of_bytes, None, error.reason)
    named = whose(message)
    columns = _columns(message, named, zone) | of_bytes
    return Header(columns, named, None if columns["message_code"] else "not_hl7")


def _columns(message: Message, named: Whose, zone: ZoneInfo) -> dict[str, Any]:
    text = message.header.text
    _, event_at, message_at = times(message, zone)
    code, trigger = identity.message_type(message)
    is_merge = trigger in identity.MERGE_EVENTS
    return {
        "sending_application": text(3)[: identity.LONGEST_NAME],
        "sending_facility": text(4)[: identity.LONGEST_NAME],
        "message_control_id": text(10)[: identity.LONGEST_NAME],
        "message_code": code,
        "trigger_event": trigger,
        "version_id": text(12),
        "processing_id": text(11),
        "patient_key": named.patient,
        "merged_patient_key": identity.person_key(identity.retired_identifiers(message)) if is_merge else None,
        "visit_key": named.visit,
        "message_at": message_at,
        "event_at": event_at,
    }
