"""Tombstones: hashes by which erased people are known again, so that no load brings one back.

Belongs here: reading and writing them, and what of a record is compared with them. Does not belong here: erasing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

NAMING_TYPES = frozenset({"MR", "MRN", "PI", "PT", ""})
"""Identifier types (HL7 table 0203) that name a person, as ``int_shared_identifier`` takes them."""


@dataclass(frozen=True)
class Identity:
    """One identifier of a person as hashes: of the identifier, and of it with the birth date if that is known whole."""

    identifier: bytes
    born: bytes | None


def identity(authority: str, value: str, birth_date: str | None) -> Identity:
    """Hashes of (assigning authority, identifier) and of the same with a birth date (``YYYY-MM-DD``)."""
    whole = birth_date if birth_date and len(birth_date) == 10 else None
    return Identity(
        hashlib.sha256(f"{authority}\x1f{value}".encode()).digest(),
        hashlib.sha256(f"{authority}\x1f{value}\x1f{whole}".encode()).digest() if whole else None,
    )


@dataclass
class Tombstones:
    """Who was erased.

    Attributes:
        people: keys of source persons.
        identifiers: hash of an identifier to the hash of it with the birth date, None where that is unknown.
    """

    people: set[int] = field(default_factory=set)
    identifiers: dict[bytes, bytes | None] = field(default_factory=dict)

    def names(self, identities: Iterable[Identity]) -> bool:
        """Whether one of the identifiers is an erased person's; with two birth dates it is somebody else's."""
        for found in identities:
            if found.identifier in self.identifiers:
                born = self.identifiers[found.identifier]
                if born is None or found.born is None or born == found.born:
                    return True
        return False

    def __bool__(self) -> bool:
        return bool(self.people or self.identifiers)


def read(connection: psycopg.Connection[Any]) -> Tombstones:
    """All tombstones, as INGEST or ERASER."""
    people = {key for (key,) in connection.execute("SELECT person_key FROM landing.erased_person")}
    rows = connection.execute("SELECT identifier_sha256, birth_sha256 FROM landing.erased_identifier")
    return Tombstones(people, {bytes(found): None if born is None else bytes(born) for found, born in rows})


def add(
    connection: psycopg.Connection[Any], people: Iterable[int], identities: Mapping[bytes, bytes | None] | None = None
) -> None:
    """Write tombstones in the caller's transaction; those that are there stay."""
    connection.execute(
        "INSERT INTO landing.erased_person (person_key) SELECT unnest(%s::bigint[]) ON CONFLICT DO NOTHING",
        (sorted(people),),
    )
    found = identities or {}
    connection.execute(
        "INSERT INTO landing.erased_identifier (identifier_sha256, birth_sha256) "
        "SELECT * FROM unnest(%s::bytea[], %s::bytea[]) ON CONFLICT DO NOTHING",
        (list(found), list(found.values())),
    )
