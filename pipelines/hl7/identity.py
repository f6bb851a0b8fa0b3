"""Whose message it is: keys of the patient, the visit and the order, and what landing keeps of a header.

Keys are made of business identifiers with their assigning authority, so that every sender's message about one
patient of one authority meets. The authority is CX.4 (HL7 v2.5.1 §2.A.14), else the sending facility MSH-4: its
universal id where it has one, else its name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pipelines.hl7.message import Composite, Delimiters, Message, Segment, split
from pipelines.hl7.triggers import ABOUT_VISITS, CLINICAL, MERGES, NAMING_VISITS
from pipelines.hl7.values import DELETED, canonical_authority
from pipelines.keys import derived_key

SOURCE_SYSTEM = "hl7v2"
MERGE_EVENTS = MERGES

LONGEST_NAME = 255
"""Characters; HL7 v2.5.1 allows 20 for MSH-10, 15 for CX.1 and 199 for HD.2."""

_CODE = re.compile(r"[A-Z][A-Z0-9]{1,6}")
_SOCIAL_SECURITY = frozenset({"SS", "SSN", "SB"})
_RANKS = {"MR": 0, "MRN": 0, "PI": 1, "": 2, "AN": 4}
"""Types of HL7 table 0203 by how well they name a patient; an account number is the last that does."""
_OTHER_RANK = 3
_PID_2_UNTIL = (2, 3, 1)
"""Versions before this have the record number in PID-2 or PID-4 where PID-3 is empty."""


@dataclass(frozen=True)
class Authority:
    """An HD: ``name`` by which it is compared, and its namespace where that is another."""

    name: str
    namespace: str = ""


@dataclass(frozen=True)
class Identifier:
    """One repetition of PID-3: who assigned what of which type (HL7 table 0203).

    Attributes:
        namespace: of an authority that has a universal id too; messages without that id name it so.
    """

    authority: str
    value: str
    type: str
    namespace: str = field(default="", compare=False)


def _authority(namespace: str, universal_id: str, default: str) -> Authority:
    name = canonical_authority(namespace, universal_id, default)
    return Authority(name, namespace if namespace != name else "")


def sending_facility(message: Message) -> Authority:
    """MSH-4: its universal id, else its name; MSH-3 where that is empty."""
    header = message.header
    return _facility(header.raw(4), header.raw(3), header.delimiters)


# The same few senders, types and record numbers come again and again.
@lru_cache(maxsize=1 << 10)
def _facility(facility: str, application: str, delimiters: Delimiters) -> Authority:
    part = Composite(split(facility, delimiters.repetition)[0], delimiters)
    other = Composite(split(application, delimiters.repetition)[0], delimiters)
    return _authority(part.text(1), part.text(2), other.text(1) or "unknown")


def message_type(message: Message) -> tuple[str, str]:
    """Message code and trigger event, such as ``ADT`` and ``A01``; empty where they are no words of HL7.

    MSH-9 of only ``ADT`` takes the trigger from EVN-1.
    """
    header = message.header
    code, trigger = _written_type(header.raw(9), header.delimiters)
    if not trigger:
        event = message.first("EVN")
        trigger = event.text(1) if event else ""
    return _word(code), _word(trigger)


@lru_cache(maxsize=1 << 8)
def _written_type(written: str, delimiters: Delimiters) -> tuple[str, str]:
    part = next((Composite(part, delimiters) for part in split(written, delimiters.repetition) if part), None)
    return (part.text(1), part.text(2)) if part else ("", "")


@lru_cache(maxsize=1 << 8)
def _word(written: str) -> str:
    word = written.upper()
    return word if _CODE.fullmatch(word) else ""


def kind(code: str, trigger: str) -> str:
    """A message type as accounts name it: ``ADT^A01``, ``ACK``, ``unknown``."""
    return "^".join(part for part in (code, trigger) if part) if code else "unknown"


def numbers(message: Message, segment: Segment | None, number: int) -> list[Identifier]:
    """Every identifier of a CX field that has a value; what is too long for an index is no identifier."""
    written = segment.raw(number) if segment else ""
    if not written:
        return []
    header = message.header
    return list(_numbers(written, header.delimiters, header.raw(4), header.raw(3)))


@lru_cache(maxsize=1 << 14)
def _numbers(written: str, delimiters: Delimiters, facility: str, application: str) -> tuple[Identifier, ...]:
    found = []
    default = _facility(facility, application, delimiters)
    for repetition in split(written, delimiters.repetition):
        part = Composite(repetition, delimiters)
        value = part.text(1)
        if value in ("", DELETED):
            continue
        namespace, universal_id = part.text(4, 1), part.text(4, 2)
        authority = _authority(namespace, universal_id, "") if namespace or universal_id else default
        if max(len(authority.name), len(authority.namespace), len(value)) <= LONGEST_NAME:
            found.append(Identifier(authority.name, value, part.text(5), authority.namespace))
    return tuple(found)


def patient_identifiers(message: Message) -> list[Identifier]:
    """PID-3; of versions before 2.3.1 PID-2, else PID-4, where that is empty."""
    patient = message.first("PID")
    if patient is None:
        return []
    found = numbers(message, patient, 3)
    if found or not _is_before(message.header.text(12), _PID_2_UNTIL):
        return found
    return numbers(message, patient, 2) or numbers(message, patient, 4)


def _is_before(version: str, limit: tuple[int, ...]) -> bool:
    parts = version.split(".")
    return all(map(str.isdecimal, parts)) and tuple(map(int, parts)) < limit


def chosen(found: Sequence[Identifier], authorities: Sequence[str] = ()) -> Identifier | None:
    """The identifier that keys a person: of the first authority that is asked for, then a medical record number, then a
    patient's own, then any but an account number; never a social security number.

    Args:
        found: repetitions of PID-3 or MRG-1.
        authorities: as ``Policy.patient_authorities``.
    """
    usable = [identifier for identifier in found if identifier.type not in _SOCIAL_SECURITY]
    if len(usable) < 2:
        return usable[0] if usable else None
    asked = {name: number for number, name in enumerate(authorities)}
    return min(
        usable,
        key=lambda one: (
            min(asked.get(one.authority, len(asked)), asked.get(one.namespace, len(asked))),
            _RANKS.get(one.type, _OTHER_RANK),
        ),
    )


def person_key(found: Sequence[Identifier], authorities: Sequence[str] = ()) -> int | None:
    """Key of the person whom ``chosen`` names; None if nothing does."""
    best = chosen(found, authorities)
    return None if best is None else derived_key(SOURCE_SYSTEM, best.authority, best.value)


def other_person_key(identifier: Identifier) -> int | None:
    """Key that a message gives the same person which names the authority without its universal id."""
    return derived_key(SOURCE_SYSTEM, identifier.namespace, identifier.value) if identifier.namespace else None


def retired_identifiers(message: Message) -> list[Identifier]:
    """MRG-1 of a merge: the identifiers that are retired."""
    merge = message.first("MRG")
    return numbers(message, merge, 1)


def visit_key(message: Message) -> int | None:
    """Key of PV1-19, else PV1-50, else PID-18."""
    best = visit_identifier(message)
    return None if best is None else key_of_visit(best)


def visit_identifier(message: Message) -> Identifier | None:
    """PV1-19, else PV1-50, else PID-18."""
    for name, number in (("PV1", 19), ("PV1", 50), ("PID", 18)):
        found = numbers(message, message.first(name), number)
        if found:
            return found[0]
    return None


def key_of_visit(identifier: Identifier) -> int:
    """Key of the visit that has this number."""
    return derived_key(SOURCE_SYSTEM, "visit", identifier.authority, identifier.value)


def other_visit_key(identifier: Identifier) -> int | None:
    """As ``other_person_key``, of a visit."""
    if not identifier.namespace:
        return None
    return derived_key(SOURCE_SYSTEM, "visit", identifier.namespace, identifier.value)


def concerns_visit(code: str, trigger: str) -> bool:
    """Whether a message of this type may name a visit."""
    return (code == "ADT" and (trigger in NAMING_VISITS or trigger in ABOUT_VISITS)) or code in CLINICAL
