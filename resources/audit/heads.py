"""Signed heads: the ends of all chains at one moment, signed and kept both in the database and in a file outside it.

A head's body is text, so that it can be checked with any tool: ::

    sanctum audit head 1
    number 7
    signed_at 2026-11-21T02:41:07.123456+00:00
    key 5f0c…            SHA-256 of the public key's 32 bytes
    previous 9a41…       SHA-256 of the head before it (body, line feed, signature), 64 zeros for the first
    0 1290 77ab…         chain, its last event's sequence, that event's hash; one line a chain, in order
    …

lines end with a line feed. The signature is Ed25519 (RFC 8032) over the body's UTF-8 bytes. Each head names the one
before it, so that a head taken out between two others is missed.
"""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from resources import locks
from resources.audit.keys import PublicKeys, fingerprint, public_key_file, public_keys, signing_key
from resources.audit.keys import is_signed as _is_signed
from resources.identity.identity import Identity
from resources.identity.session import open_session
from resources.postgres import Database, Role, without_row_values
from resources.private_files import append_private
from resources.settings import Settings

_NO_HEAD = "0" * 64
_BODY = re.compile(
    r"sanctum audit head 1\nnumber ([1-9][0-9]{0,17})\nsigned_at (\S+)\nkey ([0-9a-f]{64})\nprevious ([0-9a-f]{64})\n"
    r"((?:[0-9]{1,4} [0-9]{1,19} [0-9a-f]{64}\n)+)"
)


@dataclass(frozen=True)
class ChainEnd:
    """The last event of one chain: its sequence (0 if the chain is empty) and its hash in hexadecimal."""

    chain: int
    sequence: int
    event_hash: str


@dataclass(frozen=True)
class SignedHead:
    """A head as it was signed; ``body`` is the signed text, ``signature`` its 64 bytes."""

    body: str
    signature: bytes

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        found = _BODY.fullmatch(self.body)
        if found is None:
            raise ValueError("no signed head")
        return found.groups()

    @property
    def number(self) -> int:
        """1 for the first head, one more for each."""
        return int(self._parts[0])

    @property
    def signed_at(self) -> datetime:
        """When it was signed, by the clock of the machine that signed."""
        return datetime.fromisoformat(self._parts[1])

    @property
    def key_sha256(self) -> str:
        """Fingerprint of the key it says it is signed with."""
        return self._parts[2]

    @property
    def previous_sha256(self) -> str:
        """Hash of the head before it."""
        return self._parts[3]

    @cached_property
    def ends(self) -> tuple[ChainEnd, ...]:
        """The end of each chain."""
        lines = (line.split(" ") for line in self._parts[4].splitlines())
        return tuple(ChainEnd(int(chain), int(sequence), event_hash) for chain, sequence, event_hash in lines)

    @cached_property
    def sha256(self) -> str:
        """What the next head names."""
        return hashlib.sha256(self.body.encode() + b"\n" + self.signature).hexdigest()

    def is_signed(self, keys: PublicKeys) -> bool | None:
        """Whether the signature is right; None if its key is not among these."""
        return _is_signed(keys, self.key_sha256, self.body.encode(), self.signature)

    def line(self) -> bytes:
        """One line of the file of heads."""
        signature = base64.b64encode(self.signature).decode()
        return json.dumps({"number": self.number, "body": self.body, "signature": signature}).encode()

    @classmethod
    def of(cls, body: str, signature: bytes) -> "SignedHead":
        """A head from the database or a file.

        Raises:
            ValueError: the text is not that of a head.
        """
        head = cls(body, signature)
        if head.signed_at.tzinfo is None:
            raise ValueError("a signed head without a time zone")
        return head


def heads_file(settings: Settings) -> Path:
    """The file outside the database that has every signed head; ship its lines to another machine too."""
    return settings.home / "audit" / "heads.jsonl"


def sign(settings: Settings, database: Database) -> SignedHead:
    """Sign the ends of all chains, as the auditor; reads 16 rows and the heads signed before, never the events.

    The head is written to the file, and to the disk, before the database commits it: a head that the file has and the
    table lacks can be put back (``restore``), one that only the database had could be lost unseen.

    Raises:
        resources.audit.keys.AuditKeyError: the key file holds no Ed25519 key.
        resources.private_files.PrivateFileError: others may read the key.
        resources.postgres.DatabaseUnavailableError: the database refused.
        OSError: the file can't be written; nothing is signed then.
    """
    file = heads_file(settings)
    with without_row_values(), database.connect(Role.AUDITOR) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (locks.SIGNING,))
        key = signing_key(settings)
        keys = {fingerprint(key.public_key()): key.public_key(), **public_keys(public_key_file(settings))}
        known = [*table_heads(connection).heads, *file_heads(file).heads]
        taken = connection.execute("SELECT coalesce(max(number), 0) FROM audit.signed_head").fetchone()
        number = 1 + max([head.number for head in known] + [int(row_number) for row_number in taken or ()])
        # A forged head keeps its number, and verify names it, but no other head follows it.
        before = max((head for head in known if head.is_signed(keys)), key=lambda head: head.number, default=None)
        ends = connection.execute(
            "SELECT chain, sequence, encode(event_hash, 'hex') FROM audit.chain_head ORDER BY chain"
        ).fetchall()
        head = _signed(key, number, before, [ChainEnd(*row) for row in ends], datetime.now(UTC))
        _insert(connection, head)
        append_private(file, head.line())
    return head


def _signed(
    key: Ed25519PrivateKey, number: int, before: SignedHead | None, ends: list[ChainEnd], signed_at: datetime
) -> SignedHead:
    body = (
        f"sanctum audit head 1\nnumber {number}\n"
        f"signed_at {signed_at.isoformat(timespec='microseconds')}\nkey {fingerprint(key.public_key())}\n"
        f"previous {before.sha256 if before else _NO_HEAD}\n"
    ) + "".join(f"{end.chain} {end.sequence} {end.event_hash}\n" for end in ends)
    return SignedHead.of(body, key.sign(body.encode()))


def _insert(connection: psycopg.Connection[Any], head: SignedHead) -> None:
    connection.execute(
        "INSERT INTO audit.signed_head (number, signed_at, body, signature) VALUES (%s, %s, %s, %s)",
        (head.number, head.signed_at, head.body, head.signature),
    )


def restore(settings: Settings, database: Database, auditor: Identity) -> tuple[int, ...]:
    """Put into the table the heads that only the file has, if they are rightly signed; numbers of those put back.

    A signer that dies between file and commit leaves one such head, and so does whoever deletes rows of the table;
    which it was is for a person to judge, so this is no part of signing, and it is audited.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    keys = public_keys(public_key_file(settings))
    with open_session(settings, database, auditor) as session:
        connection = session.connection
        session.enter()
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (locks.SIGNING,))
        # By row number: a row whose body was altered keeps its place, and verify keeps naming it.
        there = {number for (number,) in connection.execute("SELECT number FROM audit.signed_head").fetchall()}
        lacking = {
            head.number: head
            for head in file_heads(heads_file(settings)).heads
            if head.number not in there and head.is_signed(keys)
        }
        for head in lacking.values():
            _insert(connection, head)
        session.record(
            action="restore-signed-heads",
            object_kind="audit.signed_head",
            object_ids=sorted(lacking),
            row_count=len(lacking),
        )
        connection.commit()
    return tuple(sorted(lacking))


@dataclass(frozen=True)
class Found:
    """Heads of one place; ``unreadable`` are the numbers of rows or lines that hold no head, each with what it is."""

    heads: tuple[SignedHead, ...]
    unreadable: tuple[tuple[int, str], ...] = ()


def table_heads(connection: psycopg.Connection[Any]) -> Found:
    """Heads of the table, in order of their numbers."""
    heads, unreadable = [], []
    rows = connection.execute("SELECT number, signed_at, body, signature FROM audit.signed_head ORDER BY number")
    for number, signed_at, body, signature in rows:
        try:
            head = SignedHead.of(body, bytes(signature))
        except ValueError:
            unreadable.append((number, "altered: its text is no head's"))
            continue
        if (head.number, head.signed_at) != (number, signed_at):
            unreadable.append((number, "altered: its row says another number or time than its signed text"))
        heads.append(head)
    return Found(tuple(heads), tuple(unreadable))


def file_heads(path: Path) -> Found:
    """Heads of the file, in its order; none if there is no file."""
    if not path.exists():
        return Found(())
    heads, unreadable = [], []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entry = json.loads(line)
            head = SignedHead.of(entry["body"], base64.b64decode(entry["signature"], validate=True))
        except (ValueError, KeyError, TypeError, binascii.Error):
            unreadable.append((number, f"line {number} is no signed head"))
            continue
        heads.append(head)
    return Found(tuple(heads), tuple(unreadable))
