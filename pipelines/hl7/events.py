"""What a message tells, once and for all read into plain values: folding never touches fields.

Sources: HL7 v2.5.1 chapters 3 (patient administration), 4 (orders), 7 (observations), 9 (documents).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timezone, tzinfo
from typing import Any

from pipelines.hl7 import identity, triggers
from pipelines.hl7.administration import LONGEST_TEXT, demographics, visit_values
from pipelines.hl7.clinical import Finding, findings
from pipelines.hl7.documents import Document, document
from pipelines.hl7.drugs import drugs
from pipelines.hl7.identity import Identifier
from pipelines.hl7.message import Doubt, Message, MessageError, parse, parts
from pipelines.hl7.policy import Policy
from pipelines.hl7.results import Result, results
from pipelines.hl7.values import Timestamp

_TEST_MODES = frozenset({"T", "D"})
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_TIMES = (("EVN", 2), ("EVN", 6), ("MSH", 7))


class NotMappedError(ValueError):
    """A message that is well understood and left out; ``reason`` is what accounts count it under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Party:
    """What a message says of one patient: one PID with the PV1 and MRG that belong to it.

    Attributes:
        person_key: whose it is; of a merge the survivor.
        identifiers: every repetition of PID-3.
        updates: what PID sets; None deletes a value, absent is no change.
        visit_key: of PV1-19, PV1-50 or PID-18, in messages that concern a visit.
        visit: what PV1 sets, as ``updates``.
        retired: MRG-1, in messages that retire or take from somebody.
        retired_key: whose identifiers these are.
        former_visits: visits that MRG-5, MRG-6 or MRG-3 names, and PV1-50 of a change of class.
        aliases: keys to those of the same patient or visit, of messages that say more of the authority.
    """

    person_key: int
    identifiers: list[Identifier]
    updates: dict[str, Any]
    visit_key: int | None = None
    visit: dict[str, Any] = field(default_factory=dict)
    retired: list[Identifier] = field(default_factory=list)
    retired_key: int | None = None
    former_visits: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    document: Document | None = None
    aliases: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One message in plain values.

    Attributes:
        trigger: MSH-9.2, such as ``A01``.
        same: EVN-2 and EVN-6 as written: of one visit, trigger and place they tell that it is the same event, sent
            again. Empty where neither is there.
        occurred: EVN-6, else EVN-2, else MSH-7, as written.
        event_at: the same as an instant in UTC.
        message_at: MSH-7 in UTC.
        order: sort key of the order in which events happened: event, message, MSH-13, receipt.
        parties: at least one; the first is the message's own patient.
        doubts: what is not right about the message and stops nothing.
    """

    kind: str
    trigger: str
    same: str
    occurred: Timestamp | None
    event_at: datetime | None
    message_at: datetime | None
    order: tuple[datetime, datetime, int, int]
    parties: tuple[Party, ...]
    doubts: tuple[Doubt, ...] = ()

    @property
    def is_admission(self) -> bool:
        """Whether it is patient administration and not a result."""
        return self.kind.startswith("ADT")

    @property
    def message_id(self) -> int:
        """Of the landed message."""
        return self.order[3]


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


def read_event(message_id: int, body: bytes, policy: Policy | tzinfo) -> Event:
    """A message's event.

    Args:
        message_id: of the landed message, which decides between events of one time.
        body: the message as received.
        policy: the hospital's choices, or only the zone of times without offset.

    Raises:
        NotMappedError: a type without a mapping, or a message in test mode (MSH-11).
        MessageError: the message can't be used.
    """
    policy = policy if isinstance(policy, Policy) else Policy(policy)
    message = parse(body)
    code, trigger = identity.message_type(message)
    if not code:
        raise MessageError("not_hl7", "MSH-9")
    if not triggers.is_mapped(code, trigger):
        raise NotMappedError(f"no_mapping:{identity.kind(code, trigger)}")
    mode = message.header.text(11)
    if mode in _TEST_MODES:
        raise NotMappedError(f"processing_id:{mode}")
    if message.first("DSC") or message.first("ADD"):
        raise MessageError("continued_message", "DSC")
    return _event(message_id, message, (code, trigger), policy)


def _event(message_id: int, message: Message, types: tuple[str, str], policy: Policy) -> Event:
    code, trigger = types
    zone = policy.facility_zones.get(message.header.text(4), policy.zone) if policy.facility_zones else policy.zone
    occurred, event_at, message_at = times(message, zone)
    doubts = [*message.doubts, *_time_doubts(message, occurred, zone), *_trigger_doubts(message, trigger)]
    parties = tuple(_party(part, types, policy, doubts) for part in parts(message))
    event = message.first("EVN")
    sequence = message.header.text(13)
    return Event(
        kind=identity.kind(code, trigger),
        trigger=trigger,
        same=f"{event.raw(2)}|{event.raw(6)}".strip("|") if event else "",
        occurred=occurred,
        event_at=event_at,
        message_at=message_at,
        order=(
            event_at or _EARLIEST,
            message_at or _EARLIEST,
            int(sequence) if sequence.isdecimal() and len(sequence) < 16 else -1,
            message_id,
        ),
        parties=parties,
        doubts=tuple(doubts),
    )


def _time_doubts(message: Message, occurred: Timestamp | None, zone: tzinfo) -> list[Doubt]:
    found = []
    for name, number in _TIMES:
        segment = message.first(name)
        written = segment.raw(number) if segment else ""
        if segment and written and written != '""' and segment.time(number) is None:
            found.append(Doubt("not_a_time", f"{name}-{number}", written[:LONGEST_TEXT]))
    sent = message.header.time(7)
    hour = None if occurred is None or (sent and sent.offset is not None) else occurred.doubtful_hour(zone)
    if occurred is not None and hour is not None:
        found.append(Doubt(hour, "EVN", occurred.text))
    return found


def _trigger_doubts(message: Message, trigger: str) -> list[Doubt]:
    """MSH-9.2 wins over EVN-1."""
    event = message.first("EVN")
    said = event.text(1).upper() if event else ""
    return [Doubt("trigger_conflict", "EVN-1", said[:LONGEST_TEXT])] if said and said != trigger else []


def _party(message: Message, types: tuple[str, str], policy: Policy, doubts: list[Doubt]) -> Party:
    code, trigger = types
    found = identity.patient_identifiers(message)
    key = identity.person_key(found, policy.patient_authorities)
    if key is None:
        raise MessageError("no_patient_identifier", "PID-3")
    aliases = _aliases(identity.chosen(found, policy.patient_authorities), key, identity.other_person_key)
    party = Party(key, found, demographics(message, doubts), aliases=aliases)
    action = triggers.TRIGGERS.get(trigger) if code == "ADT" else None
    if action is None:
        return _clinical(message, types, party)
    if action.on_person and message.first("MRG"):
        party = _retiring(message, policy, party, action.on_person)
    if action.on_person in ("merge", "merge_with_visits", "rename") and party.retired_key is None:
        raise MessageError("no_retired_identifier", "MRG-1")
    if action.on_visit or trigger in triggers.ABOUT_VISITS:
        party = _visiting(message, party, trigger, doubts)
    if action.needs_visit and party.visit_key is None:
        raise MessageError("no_visit_number", "PV1-19")
    if trigger in triggers.ABOUT_VISITS - {"A36"} and not party.former_visits:
        raise MessageError("no_prior_visit", "MRG-5")
    return replace(party, findings=findings(message))


def _aliases(chosen: Identifier | None, key: int | None, other: Any) -> dict[int, int]:
    alias = None if chosen is None or key is None else other(chosen)
    return {} if alias is None or key is None else {alias: key}


def _clinical(message: Message, types: tuple[str, str], party: Party) -> Party:
    code, trigger = types
    visit = identity.visit_identifier(message)
    party = replace(party, visit_key=None if visit is None else identity.key_of_visit(visit))
    if code == "MDM":
        return replace(party, document=document(message, trigger))
    if code == "ORU":
        return replace(party, results=results(message))
    return replace(party, results=drugs(message), findings=_allergies(message))


def _allergies(message: Message) -> list[Finding]:
    """Orders state allergies beside the drug: what patient administration states is not theirs to withdraw."""
    return [finding for finding in findings(message) if finding.kind == "allergy" and not finding.withdrawn]


def _visiting(message: Message, party: Party, trigger: str, doubts: list[Doubt]) -> Party:
    visit = identity.visit_identifier(message)
    if visit is None:
        return party
    key = identity.key_of_visit(visit)
    former = list(party.former_visits)
    if trigger in ("A06", "A07"):
        # Who changes class and number says the old number in MRG-5 or PV1-50.
        merge, about = message.first("MRG"), message.first("PV1")
        found = (*identity.numbers(message, merge, 5), *identity.numbers(message, about, 50))
        former = [other for one in found if (other := identity.key_of_visit(one)) != key]
    return replace(
        party,
        visit_key=key,
        visit=visit_values(message, doubts) if trigger in triggers.NAMING_VISITS else {},
        former_visits=former,
        aliases=party.aliases | _aliases(visit, key, identity.other_visit_key),
    )


def _retiring(message: Message, policy: Policy, party: Party, action: str) -> Party:
    retired = identity.retired_identifiers(message)
    merge = message.first("MRG")
    fields: Sequence[int] = () if action in ("merge", "rename") else (5, 6, 3)
    visits = next((found for number in fields if (found := identity.numbers(message, merge, number))), [])
    return replace(
        party,
        retired=retired,
        retired_key=identity.person_key(retired, policy.patient_authorities),
        former_visits=[identity.key_of_visit(one) for one in visits],
    )
