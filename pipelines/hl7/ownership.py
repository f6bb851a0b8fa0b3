"""Whose an HL7 v2 message is, as tombstones know people: by keys and by hashed identifiers."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.hl7 import identity
from pipelines.hl7.identity import Identifier
from pipelines.hl7.message import Message, MessageError, parse, parts
from pipelines.keys import derived_key
from pipelines.tombstones import NAMING_TYPES, Identity
from pipelines.tombstones import identity as hashed


@dataclass(frozen=True)
class Whose:
    """Keys of the people a message names as its patient or retires, and their identifiers, hashed."""

    people: frozenset[int]
    identities: tuple[Identity, ...]


def whose(message: Message) -> Whose:
    """Of every PID and, of a merge, every MRG-1. Raises MessageError as reading these fields does."""
    _, trigger = identity.message_type(message)
    people: set[int | None] = set()
    identities: list[Identity] = []
    for part in parts(message):
        named = identity.patient_identifiers(part)
        retired = identity.retired_identifiers(part) if trigger in identity.MERGE_EVENTS else []
        patient = part.first("PID")
        digits = patient.text(7)[:8] if patient else ""
        born = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else None
        people |= {identity.person_key(named), identity.person_key(retired)}
        identities += [*_hashed(named, born), *_hashed(retired, None)]
    return Whose(frozenset(key for key in people if key is not None), tuple(dict.fromkeys(identities)))


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
