"""Is the log what was written? Every hash anew, against the chains' ends and against every head that was signed."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from psycopg.rows import dict_row

from resources import locks
from resources.audit.chains import BrokenEvent, SignedEnd, first_breaks
from resources.audit.heads import ChainEnd, Found, SignedHead, file_heads, heads_file, table_heads
from resources.audit.keys import PublicKeys, public_key_file, public_keys
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

_SQL = Path(__file__).parents[1] / "sql"
_NO_HEAD = "0" * 64
_NO_CHAIN = -1


@dataclass(frozen=True)
class BrokenHead:
    """Signed heads ``number`` to ``last_number`` that are missing or not what was signed, and where.

    ``place`` is ``table``, ``file`` or ``both``. Of a line of the file that holds no head, ``number`` is the line's.
    """

    number: int
    last_number: int
    place: str
    problem: str


@dataclass(frozen=True)
class Verification:
    """What verifying found; the log is whole if nothing is broken.

    Attributes:
        events: how many were read.
        signed_heads: how many are rightly signed, in the table or the file.
        unsigned_events: how many were written after the last head: only the chains' own hashes vouch for them.
        last_head_age_seconds: how long ago the last head was signed; None if there is none.
        broken: of each broken chain, the first break.
        broken_heads: heads missing or altered.
    """

    events: int
    signed_heads: int
    unsigned_events: int
    last_head_age_seconds: float | None
    broken: tuple[BrokenEvent, ...]
    broken_heads: tuple[BrokenHead, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is broken."""
        return not self.broken and not self.broken_heads


def verify(
    settings: Settings, database: Database, *, public_key: Path | None = None, heads: Path | None = None
) -> Verification:
    """Compute every hash of the log anew, as the auditor, and compare it with all that vouches for it.

    Args:
        settings: names the home whose file of heads and public keys are used.
        database: the warehouse.
        public_key: a verifier's own copy of the public keys (PEM), in place of those beside the signing key.
        heads: a verifier's own copy of the file of heads, in place of the home's; it may lack those signed since.

    Raises:
        resources.audit.keys.AuditKeyError: the file of public keys is missing or holds none.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), database.connect(Role.AUDITOR) as connection:
        # No signer is between key, file and commit while all are read. The lock comes first: waiting for it would
        # otherwise be done with a snapshot that is older than what was waited for.
        connection.execute("SELECT pg_advisory_lock_shared(%s)", (locks.SIGNING,))
        connection.commit()
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Whatever was set for the role: sha256 and every operator are PostgreSQL's own.
        connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
        keys = public_keys(public_key or public_key_file(settings), is_required=public_key is not None)
        in_table = table_heads(connection)
        in_file = file_heads(heads or heads_file(settings))
        connection.execute("SELECT pg_advisory_unlock_shared(%s)", (locks.SIGNING,))
        vouching, broken_heads = _check_heads(in_table, in_file, keys, is_copy=heads is not None)
        signed = _signed_ends(vouching)
        with connection.cursor(row_factory=dict_row) as cursor:
            facts = cursor.execute((_SQL / "audit_chain_facts.sql").read_bytes()).fetchall()
        rows = connection.execute("SELECT chain, sequence, encode(event_hash, 'hex') FROM audit.chain_head").fetchall()
        ends = [ChainEnd(*row) for row in rows]
        differing = connection.execute(
            (_SQL / "audit_signed_ends.sql").read_bytes(),
            {
                "chains": [end.chain for end in signed],
                "sequences": [end.sequence for end in signed],
                "hashes": [end.event_hash for end in signed],
            },
        ).fetchall()
    last = max(vouching, key=lambda head: head.number, default=None)
    signed_up_to = {end.chain: end.sequence for end in last.ends} if last else {}
    return Verification(
        events=sum(row["events"] for row in facts),
        signed_heads=len(vouching),
        unsigned_events=sum(max(end.sequence - signed_up_to.get(end.chain, 0), 0) for end in ends),
        last_head_age_seconds=(datetime.now(UTC) - last.signed_at).total_seconds() if last else None,
        broken=first_breaks(
            {_NO_CHAIN if row["chain"] is None else row["chain"]: row for row in facts},
            {end.chain: end for end in ends},
            [SignedEnd(end, head.number, head.signed_at) for end, head in signed.items()],
            {ChainEnd(*row[:3]): bool(row[3]) for row in differing},
        ),
        broken_heads=broken_heads or _none_signed(vouching, keys),
    )


def _none_signed(vouching: list[SignedHead], keys: PublicKeys) -> tuple[BrokenHead, ...]:
    # Whoever empties both table and file leaves the key, or the verifier has a copy of the public one.
    if vouching or not keys:
        return ()
    problem = "there is a key, but no signed head in table or file: all are gone, or none was signed yet"
    return (BrokenHead(1, 1, "both", problem),)


def _signed_ends(vouching: list[SignedHead]) -> dict[ChainEnd, SignedHead]:
    """Each signed end of a chain that has events, with the first head that has it: idle chains repeat theirs."""
    found: dict[ChainEnd, SignedHead] = {}
    for head in sorted(vouching, key=lambda head: head.number):
        for end in head.ends:
            if end.sequence:
                found.setdefault(end, head)
    return found


def _check_heads(
    in_table: Found, in_file: Found, keys: PublicKeys, *, is_copy: bool
) -> tuple[list[SignedHead], tuple[BrokenHead, ...]]:
    """The heads that are rightly signed, and what is wrong with any; a copy need not have those signed after it."""
    problems: list[tuple[int, str, str]] = []
    valid: dict[str, dict[int, SignedHead]] = {"table": {}, "file": {}}
    for place, found in (("table", in_table), ("file", in_file)):
        problems += [(number, place, problem) for number, problem in found.unreadable]
        for head in found.heads:
            is_signed = head.is_signed(keys)
            if is_signed:
                if valid[place].setdefault(head.number, head).sha256 != head.sha256:
                    problems.append((head.number, place, "two heads have this number"))
            elif is_signed is None:
                problems.append((head.number, place, "signed with a key whose public key is not here: forged"))
            else:
                problems.append((head.number, place, "altered: the signature is not that of this text"))
    table, file = valid["table"], valid["file"]
    after_copy = max(file) if is_copy and file else math.inf
    named = {(number, place) for number, place, _ in problems}
    problems += [
        (number, place, f"gone from the {place}")
        for place, here, there in (("table", table, file), ("file", file, table))
        for number in there.keys() - here.keys()
        if (number <= after_copy if place == "file" else (number, place) not in named)
    ]
    problems += [
        (number, "both", "table and file have different heads")
        for number in table.keys() & file.keys()
        if table[number].sha256 != file[number].sha256
    ]
    vouching = list({head.sha256: head for head in [*table.values(), *file.values()]}.values())
    problems += _missing_links(vouching)
    return vouching, _ranges(problems)


def _missing_links(vouching: list[SignedHead]) -> list[tuple[int, str, str]]:
    """Heads that are in neither place, as the head after them tells."""
    problems = []
    number_before, hash_before = 0, _NO_HEAD
    for head in sorted(vouching, key=lambda head: head.number):
        if head.previous_sha256 != hash_before:
            lacking = range(number_before + 1, head.number)
            problems += [(number, "both", "gone: the head after it names it") for number in lacking]
            if not lacking:
                problems.append((head.number, "both", "does not follow the head before it"))
        number_before, hash_before = head.number, head.sha256
    return problems


def _ranges(problems: list[tuple[int, str, str]]) -> tuple[BrokenHead, ...]:
    """Neighbours with the same problem as one."""
    result: list[BrokenHead] = []
    for place, problem, number in sorted({(place, problem, number) for number, place, problem in problems}):
        last = result[-1] if result else None
        if last and (last.place, last.problem, last.last_number) == (place, problem, number - 1):
            result[-1] = BrokenHead(last.number, number, place, problem)
        else:
            result.append(BrokenHead(number, number, place, problem))
    return tuple(sorted(result, key=lambda head: (head.number, head.place)))
