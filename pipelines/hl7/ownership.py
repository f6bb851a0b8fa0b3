"""Whose an HL7 v2 message is, as tombstones know people: by keys and by hashed identifiers."""

from collections.abc import Iterable
from typing import NamedTuple

from pipelines.hl7 import identity
from pipelines.hl7.identity import Identifier
from pipelines.hl7.message import Message, MessageError, parse, parts
from pipelines.keys import derived_key
from pipelines.tombstones import NAMING_TYPES, Identity
from pipelines.tombstones import identity as hashed


class Whose(NamedTuple):
    """Whom a message names.

    Attributes:
        people: keys of those it names as its patients or retires.
        identities: their identifiers, hashed.
        patient: key of its first patient, None where that can't be read.
        visit: key of the visit that it names first, in messages that may name one.
        stays: keys of its patients' visits; tombstones have those of visits that were moved to an erased person.
    """

    people: frozenset[int]
    identities: tuple[Identity, ...]
    patient: int | None = None
    visit: int | None = None
    stays: frozenset[int] = frozenset()

    @property
    def keys(self) -> frozenset[int]:
        """All keys by which it may be an erased person's."""
        return self.people | self.stays


def whose(message: Message) -> Whose:
    """Of every PID and, of a merge, every MRG-1."""
    code, trigger = identity.message_type(message)
    is_merge, is_about_visit = trigger in identity.MERGE_EVENTS, identity.concerns_visit(code, trigger)
    people: list[int | None] = []
    patients: list[int | None] = []
    identities: list[Identity] = []
    stays: list[int] = []
    visit = identity.visit_key(message) if is_about_visit else None
    divided = parts(message)
    for part in divided:
        named = identity.patient_identifiers(part)
        key = identity.person_key(named)
        people.append(key)
        of_part = identity.visit_key(part) if is_about_visit and len(divided) > 1 else visit
        if key is not None and of_part is not None:
            stays.append(stay_key(key, of_part))
        patient = part.first("PID")
        if patient:
            patients.append(key)
        digits = patient.text(7)[:8] if patient else ""
        born = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else None
        identities += _hashed(named, born)
        if is_merge:
            retired = identity.retired_identifiers(part)
            people.append(identity.person_key(retired))
            identities += _hashed(retired, None)
    distinct = tuple(dict.fromkeys(identities)) if len(identities) > 1 else tuple(identities)
    return Whose(
        people=frozenset([key for key in people if key is not None]),
        identities=distinct,
        patient=patients[0] if patients else None,
        visit=visit,
        stays=frozenset(stays),
    )


def stay_key(person_key: int, visit_key: int) -> int:
    """Key of a visit under the number of one patient, who need not be the one whose it is."""
    return derived_key(identity.SOURCE_SYSTEM, "stay", str(person_key), str(visit_key))


def whose_bytes(body: bytes) -> Whose | None:
    """As ``whose``; None for bytes that are no message."""
    try:
        return whose(parse(body))
    except MessageError:
        return None


def key_of_identifier(authority: str, value: str) -> int:
    """Key that a message would give the person it knows by this identifier alone."""
    return derived_key(identity.SOURCE_SYSTEM, authority, value)


def _hashed(identifiers: Iterable[Identifier], born: str | None) -> list[Identity]:
    return [hashed(one.authority, one.value, born) for one in identifiers if one.type in NAMING_TYPES]
