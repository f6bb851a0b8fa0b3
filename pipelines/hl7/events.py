"""What a message tells, once and for all read into plain values: folding never touches fields.

Sources: HL7 v2.5.1 chapter 3 (patient administration), chapter 7 (observation reporting).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone, tzinfo
from typing import Any

from pipelines.hl7 import identity
from pipelines.hl7.administration import demographics, visit_values
from pipelines.hl7.clinical import Finding, allergies, diagnoses
from pipelines.hl7.identity import Identifier
from pipelines.hl7.message import Message, MessageError, parse
from pipelines.hl7.results import Result, results
from pipelines.hl7.values import Timestamp

_ADMISSIONS = frozenset({"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A11", "A12", "A13", "A23"})
_MAPPED = _ADMISSIONS | {"A08"} | identity.PERSON_EVENTS
_TEST_MODES = frozenset({"T", "D"})


class NotMappedError(ValueError):
    """A message that is well understood and left out; ``reason`` is what accounts count it under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Event:
    """One message in plain values.

    Attributes:
        trigger: MSH-9.2, such as ``A01``.
        occurred: EVN-6, else EVN-2, else MSH-7, as written.
        event_at: the same as an instant in UTC.
        message_at: MSH-7 in UTC.
        order: sort key of the order in which events happened.
        person_key: whose message it is; of a merge the survivor.
        retired: identifiers a merge retires.
        visit: what PV1 sets, and updates: what PID sets; None deletes a value, absent is no change.
    """

    kind: str
    trigger: str
    occurred: Timestamp | None
    event_at: datetime | None
    message_at: datetime | None
    order: tuple[datetime, datetime, int, int]
    person_key: int
    identifiers: list[Identifier]
    retired: list[Identifier] = field(default_factory=list)
    visit_key: int | None = None
    visit: dict[str, Any] = field(default_factory=dict)
    updates: dict[str, Any] = field(default_factory=dict)
    diagnoses: list[Finding] = field(default_factory=list)
    allergies: list[Finding] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    @property
    def is_admission(self) -> bool:
        """Whether it is patient administration and not a result."""
        return self.kind.startswith("ADT")

    @property
    def retired_key(self) -> int | None:
        """Key of the person a merge retires."""
        return identity.person_key(self.retired)


def times(message: Message, zone: tzinfo) -> tuple[Timestamp | None, datetime | None, datetime | None]:
    """When the event occurred as written, the same as an instant, and the instant of the message.

    A time without offset is in MSH-7's offset, else in ``zone`` (HL7 v2.5.1 §2.A.22).
    """
    sent = message.header.time(7)
    event = message.first("EVN")
    occurred = (event and (event.time(6) or event.time(2))) or sent
    place = zone if sent is None or sent.offset is None else timezone(sent.offset)
    return (
        occurred,
        occurred.instant(place) if occurred else None,
        sent.instant(zone) if sent else None,
    )


def read_event(message_id: int, body: bytes, zone: tzinfo) -> Event:
    """A message's event.

    Raises:
        NotMappedError: a type without a mapping, or a message in test mode (MSH-11).
        MessageError: the message can't be used.
    """
    message = parse(body)
    code, trigger = identity.message_type(message)
    if not code:
        raise MessageError("not_hl7", "MSH-9")
    if not (code == "ADT" and trigger in _MAPPED) and (code, trigger) != ("ORU", "R01"):
        raise NotMappedError(f"no_mapping:{identity.kind(code, trigger)}")
    mode = message.header.text(11)
    if mode in _TEST_MODES:
        raise NotMappedError(f"processing_id:{mode}")
    _refuse_unusable(message, trigger)
    found = identity.patient_identifiers(message)
    key = identity.person_key(found)
    if key is None:
        raise MessageError("no_patient_identifier", "PID-3")
    return _event(message_id, message, (code, trigger), (key, found), zone)


def _refuse_unusable(message: Message, trigger: str) -> None:
    if message.first("DSC") or message.first("ADD"):
        raise MessageError("continued_message", "DSC")
    if trigger in identity.MERGE_EVENTS:
        if len(message.all("MRG")) > 1:
            raise MessageError("several_merges", "MRG")
        if identity.person_key(identity.retired_identifiers(message)) is None:
            raise MessageError("no_retired_identifier", "MRG-1")
    elif trigger in _ADMISSIONS and identity.visit_key(message) is None:
        raise MessageError("no_visit_number", "PV1-19")


def _event(
    message_id: int, message: Message, types: tuple[str, str], patient: tuple[int, list[Identifier]], zone: tzinfo
) -> Event:
    code, trigger = types
    occurred, event_at, message_at = times(message, zone)
    earliest = datetime.min.replace(tzinfo=UTC)
    sequence = message.header.text(13)
    visit_key = identity.visit_key(message) if identity.concerns_visit(code, trigger) else None
    is_admission = code == "ADT"
    return Event(
        kind=identity.kind(code, trigger),
        trigger=trigger,
        occurred=occurred,
        event_at=event_at,
        message_at=message_at,
        order=(
            event_at or earliest,
            message_at or earliest,
            int(sequence) if sequence.isdecimal() else -1,
            message_id,
        ),
        person_key=patient[0],
        identifiers=patient[1],
        retired=identity.retired_identifiers(message) if trigger in identity.MERGE_EVENTS else [],
        visit_key=visit_key,
        visit=visit_values(message) if is_admission and visit_key is not None else {},
        updates=demographics(message),
        diagnoses=diagnoses(message) if is_admission else [],
        allergies=allergies(message) if is_admission else [],
        results=results(message) if code == "ORU" else [],
    )
