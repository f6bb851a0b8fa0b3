"""Tombstones: hashes by which erased people are known again, so that no load brings one back.

Belongs here: reading and writing them, and what of a record is compared with them. Does not belong here: erasing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

NAMING_TYPES = frozenset({"MR", "MRN", "PI", "PT", ""})
"""Identifier types (HL7 table 0203) that name a person, as ``int_shared_identifier`` takes them."""


@dataclass(frozen=True)
class Identity:
    """One identifier of a person, with the birth date (``YYYY-MM-DD``) if that is known whole; shown to nobody."""

    authority: str = field(repr=False)
    value: str = field(repr=False)
    birth_date: str | None = field(repr=False)

    @property
    def identifier(self) -> bytes:
        """Hash of the assigning authority and the identifier."""
        return hashlib.sha256(f"{self.authority}\x1f{self.value}".encode()).digest()

    @property
    def born(self) -> bytes | None:
        """Hash of the same with the birth date; None where that is unknown."""
        if self.birth_date is None:
            return None
        return hashlib.sha256(f"{self.authority}\x1f{self.value}\x1f{self.birth_date}".encode()).digest()


def identity(authority: str, value: str, birth_date: str | None) -> Identity:
    """An identifier; of a birth date that is not whole nothing is kept."""
    return Identity(authority, value, birth_date if birth_date and len(birth_date) == 10 else None)


@dataclass
class Tombstones:
    """Who was erased.

    Attributes:
        people: keys of source persons.
        identifiers: hash of an identifier to the hash of it with the birth date, None where that is unknown.
    """

    people: set[int] = field(default_factory=set)
    identifiers: dict[bytes, bytes | None] = field(default_factory=dict)

    def names(self, identities: Iterable[Identity], birth_date: str | None = None) -> bool:
        """Whether one of the identifiers is an erased person's; with two birth dates it is somebody else's.

        Args:
            identities: as the record states them.
            birth_date: what is known of the one they are of, where the record states none.
        """
        for found in identities:
            if found.identifier in self.identifiers:
                born = self.identifiers[found.identifier]
                stated = found.born or replace(found, birth_date=birth_date).born
                if born is None or stated is None or born == stated:
                    return True
        return False

    def __bool__(self) -> bool:
        return bool(self.people or self.identifiers)


def read(connection: psycopg.Connection[Any]) -> Tombstones:
    """All tombstones, as INGEST or ERASER."""
    people = {key for (key,) in connection.execute("SELECT person_key FROM landing.erased_person")}
    rows = connection.execute("SELECT identifier_sha256, birth_sha256 FROM landing.erased_identifier")
    return Tombstones(people, {bytes(found): None if born is None else bytes(born) for found, born in rows})


def named(connection: psycopg.Connection[Any], people: Iterable[int], identifiers: Iterable[bytes]) -> Tombstones:
    """As ``read``, of these keys and identifiers' hashes alone."""
    keys = connection.execute(
        "SELECT person_key FROM landing.erased_person WHERE person_key = ANY(%s::bigint[])", (list(people),)
    )
    rows = connection.execute(
        "SELECT identifier_sha256, birth_sha256 FROM landing.erased_identifier "
        "WHERE identifier_sha256 = ANY(%s::bytea[])",
        (list(identifiers),),
    )
    found = {bytes(one): None if born is None else bytes(born) for one, born in rows}
    return Tombstones({key for (key,) in keys}, found)


def is_in_bronze(connection: psycopg.Connection[Any], person_key: int) -> bool:
    """Whether bronze knows a person by this key, as INGEST or ERASER.

    An identifier of an erased person that a sender puts on such a one's record makes nobody an erased person.
    """
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM bronze.person WHERE person_key = %(key)s) "
        "OR EXISTS (SELECT FROM bronze.resource WHERE resource_key = %(key)s)",
        {"key": person_key},
    ).fetchone()
    return row is not None and bool(row[0])


def is_somebody(connection: psycopg.Connection[Any], person_key: int) -> bool:
    """As ``is_in_bronze``, or by messages that go there next."""
    query = "SELECT FROM landing.hl7_message WHERE patient_key = %s AND folded_at IS NULL LIMIT 1"
    return is_in_bronze(connection, person_key) or connection.execute(query, (person_key,)).fetchone() is not None


def birth_date(connection: psycopg.Connection[Any], person_key: int) -> str | None:
    """A person's birth date (``YYYY-MM-DD``) as bronze has it, as INGEST; None where it is unknown or not whole."""
    row = connection.execute(
        "SELECT to_char(make_date(year_of_birth, month_of_birth, day_of_birth), 'YYYY-MM-DD') "
        "FROM bronze.person WHERE person_key = %s",
        (person_key,),
    ).fetchone()
    return row[0] if row else None


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
