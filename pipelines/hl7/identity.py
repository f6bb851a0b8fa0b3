"""Whose message it is: keys of the patient, the visit and the order, and what landing keeps of a header.

Keys are made of business identifiers with their assigning authority, so that every sender's message about one
patient of one authority meets. The authority is CX.4 (HL7 v2.5.1 §2.A.14), else the sending facility MSH-4.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.hl7.message import Composite, Message, Segment
from pipelines.hl7.values import DELETED, canonical_authority
from pipelines.keys import derived_key

SOURCE_SYSTEM = "hl7v2"
MERGE_EVENTS = frozenset({"A34", "A36", "A39", "A40"})
PERSON_EVENTS = frozenset({"A28", "A29", "A31"}) | MERGE_EVENTS
"""Events that change a person and never a visit, even where PV1 is there (HL7 v2.5.1 §3.3)."""

LONGEST_NAME = 255
"""Characters; HL7 v2.5.1 allows 20 for MSH-10, 15 for CX.1 and 199 for HD.2."""

_CODE = re.compile(r"[A-Z][A-Z0-9]{1,6}")
_SOCIAL_SECURITY = frozenset({"SS", "SSN", "SB"})


@dataclass(frozen=True)
class Identifier:
    """One repetition of PID-3: who assigned what of which type (HL7 table 0203)."""

    authority: str
    value: str
    type: str


def sending_facility(message: Message) -> str:
    """MSH-4: its universal id, else its name; MSH-3 where that is empty."""
    facility = message.header.composite(4, "HD")
    return canonical_authority(facility.text(1), facility.text(2), message.header.text(3) or "unknown")


def message_type(message: Message) -> tuple[str, str]:
    """Message code and trigger event, such as ``ADT`` and ``A01``; empty where they are no words of HL7.

    MSH-9 of only ``ADT`` takes the trigger from EVN-1.
    """
    written = message.header.composite(9, "MSG")
    event = message.first("EVN")
    trigger = written.text(2) or (event.text(1) if event else "")
    code, trigger = written.text(1).upper(), trigger.upper()
    return (code if _CODE.fullmatch(code) else "", trigger if _CODE.fullmatch(trigger) else "")


def kind(code: str, trigger: str) -> str:
    """A message type as accounts name it: ``ADT^A01``, ``ACK``, ``unknown``."""
    return "^".join(part for part in (code, trigger) if part) if code else "unknown"


def identifiers(field: Sequence[Composite], default_authority: str) -> list[Identifier]:
    """Every identifier of a CX field that has a value; what is too long for an index is no identifier."""
    found = [
        Identifier(canonical_authority(part.text(4, 1), part.text(4, 2), default_authority), part.text(1), part.text(5))
        for part in field
        if part.text(1) not in ("", DELETED)
    ]
    return [one for one in found if max(len(one.authority), len(one.value)) <= LONGEST_NAME]


def patient_identifiers(message: Message) -> list[Identifier]:
    """PID-3, or PID-2 of the versions in which that was where the record number stood (before 2.3.1)."""
    patient = message.first("PID")
    if patient is None:
        return []
    authority = sending_facility(message)
    found = identifiers(patient.composites(3, "CX"), authority)
    return found or identifiers(patient.composites(2, "CX"), authority)


def person_key(found: Sequence[Identifier]) -> int | None:
    """Key of the first medical record number, else of the first identifier that is no social security number."""
    usable = [identifier for identifier in found if identifier.type not in _SOCIAL_SECURITY]
    chosen = next((identifier for identifier in usable if identifier.type in ("MR", "MRN")), None)
    chosen = chosen or next(iter(usable), None)
    return None if chosen is None else derived_key(SOURCE_SYSTEM, chosen.authority, chosen.value)


def retired_identifiers(message: Message) -> list[Identifier]:
    """MRG-1 of a merge: the identifiers that are retired."""
    merge = message.first("MRG")
    return identifiers(merge.composites(1, "CX"), sending_facility(message)) if merge else []


def visit_key(message: Message) -> int | None:
    """Key of PV1-19, else PV1-50, else PID-18."""
    found = [_account(message.first(name), number, message) for name, number in (("PV1", 19), ("PV1", 50), ("PID", 18))]
    return next((key for key in found if key is not None), None)


def _account(segment: Segment | None, number: int, message: Message) -> int | None:
    if segment is None:
        return None
    found = identifiers(segment.composites(number, "CX"), sending_facility(message))
    return derived_key(SOURCE_SYSTEM, "visit", found[0].authority, found[0].value) if found else None


def concerns_visit(code: str, trigger: str) -> bool:
    """Whether a message of this type may name a visit."""
    return (code == "ADT" and trigger not in PERSON_EVENTS) or code == "ORU"
