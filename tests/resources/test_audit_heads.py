"""Signed heads: whatever a superuser does to the log, verify names it by chain and sequence."""

import base64
import json
import re
import shutil
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from resources import audit, locks
from resources.audit.heads import SignedHead, file_heads
from resources.audit.keys import AuditKeyError, signing_key
from resources.postgres import Database, DatabaseUnavailableError, Role
from resources.private_files import PrivateFileError
from resources.settings import Settings
from tests.conftest import superuser
from tests.identities import identity

DBA = identity(Role.AUDITOR, "dba", purposes=("HCOMPL",))

REHASH = "UPDATE audit.event AS e SET event_hash = audit.hash_event(e) WHERE sequence = {}"
# What a superuser who knows the chains runs: every hash from an event on, and the chain's end, computed anew.
REWRITE = """
DO $$
DECLARE
    s bigint;
BEGIN
    FOR s IN SELECT sequence FROM audit.event WHERE sequence >= {first} ORDER BY sequence LOOP
        UPDATE audit.event AS e SET previous_hash = coalesce(
            (SELECT b.event_hash FROM audit.event AS b WHERE b.chain = e.chain AND b.sequence = s - 1),
            sha256(convert_to('sanctum audit chain ' || e.chain, 'UTF8'))
        ) WHERE e.sequence = s;
        UPDATE audit.event AS e SET event_hash = audit.hash_event(e) WHERE e.sequence = s;
    END LOOP;
    UPDATE audit.chain_head AS h SET (sequence, event_hash) = (
        SELECT e.sequence, e.event_hash FROM audit.event AS e WHERE e.chain = h.chain ORDER BY e.sequence DESC LIMIT 1
    ) WHERE h.sequence > 0;
END
$$
"""
SET_END = (
    "UPDATE audit.chain_head AS h SET (sequence, event_hash) = "
    "(SELECT e.sequence, e.event_hash FROM audit.event AS e WHERE e.chain = h.chain ORDER BY e.sequence DESC LIMIT 1) "
    "WHERE h.sequence > 0"
)
EMPTY_END = (
    "UPDATE audit.chain_head SET sequence = 0, event_hash = sha256(convert_to('sanctum audit chain ' || chain, 'UTF8'))"
)
COPY = (
    "INSERT INTO audit.event SELECT (jsonb_populate_record(e, jsonb_build_object('sequence', {at}, "
    "'person_id', 99))).* FROM audit.event AS e WHERE sequence = {like}"
)


@pytest.fixture
def chain(settings: Settings, db: Database) -> int:
    """Six events in one chain; heads were signed after the third and the fifth."""
    with db.connect(Role.INGEST) as connection:
        for person in range(1, 7):
            audit.record(connection, subject="s", purpose="p", action="read", object_kind="note", person_id=person)
            connection.commit()
            if person in (3, 5):
                audit.sign(settings, db)
    found = audit.verify(settings, db)
    assert (found.is_whole, found.events, found.signed_heads, found.unsigned_events) == (True, 6, 2, 1)
    assert found.last_head_age_seconds is not None
    assert 0 <= found.last_head_age_seconds < 60
    with db.connect(Role.AUDITOR) as auditor:
        row = auditor.execute("SELECT chain FROM audit.event WHERE sequence = 6").fetchone()
    assert row is not None
    return int(row[0])


def attack(db: Database, *statements: str) -> None:
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("ALTER TABLE audit.event DISABLE TRIGGER ALL")
        connection.execute("ALTER TABLE audit.signed_head DISABLE TRIGGER ALL")
        for statement in statements:
            connection.execute(statement.encode())


ALTER = "UPDATE audit.event SET person_id = 99 WHERE sequence = {}"
DELETE = "DELETE FROM audit.event WHERE sequence {}"
CHANGE = "UPDATE audit.signed_head SET {} WHERE number = 2"
FORGET = "DELETE FROM audit.signed_head"
NO_KEY = "ALTER TABLE audit.event DROP CONSTRAINT event_pkey, ALTER sequence DROP NOT NULL"
TWICE = "put in: two events have this number"


@pytest.mark.parametrize(
    ("statements", "sequence", "problem"),
    [
        ((ALTER.format(2),), 2, "changed"),
        (("UPDATE audit.event SET subject = 'nobody' WHERE sequence = 1",), 1, "changed"),
        (("UPDATE audit.event SET occurred_at = occurred_at + interval '1 hour' WHERE sequence = 6",), 6, "changed"),
        (
            (ALTER.format(4), REHASH.format(4)),
            4,
            "changed, and its hash computed anew: the event after it follows another",
        ),
        # What was signed last before and what was signed next show where the rewriting began.
        ((ALTER.format(2), REWRITE.format(first=2)), 1, "some event from here to 3 changed, .* head 1, .* event 3"),
        ((ALTER.format(4), REWRITE.format(first=4)), 4, "some event from here to 5 changed, .* head 2, .* event 5"),
        ((ALTER.format(5), REWRITE.format(first=5)), 4, "some event from here to 5 changed, .* head 2, .* event 5"),
        ((DELETE.format("= 2"),), 2, "gone"),
        ((DELETE.format("= 1"),), 1, "gone"),
        ((DELETE.format("IN (2, 3, 4)"),), 2, "gone, and all up to event 4"),
        ((DELETE.format("= 6"),), 6, "the events from 6 on are gone; audit.chain_head has 6"),
        ((DELETE.format("> 3"), SET_END), 4, "the events from 4 on are gone; head 2, signed at .* has 5"),
        ((DELETE.format("> 3"), SET_END, FORGET), 4, "the events from 4 on are gone; head 2, signed at .* has 5"),
        (("TRUNCATE audit.event", EMPTY_END), 1, "the events from 1 on are gone; head 2, signed at .* has 5"),
        (("TRUNCATE audit.event, audit.signed_head", EMPTY_END), 1, "the events from 1 on are gone; head 2, .* has 5"),
        ((COPY.format(at=7, like=6),), 7, "changed"),
        ((COPY.format(at=7, like=6), REHASH.format(7)), 7, "put in after the chain's end, or .*"),
        ((COPY.format(at=0, like=1), REHASH.format(0)), 0, "put in: the first event of a chain is number 1"),
        # Put in between 3 and 4, with those after it moved on and nothing else computed anew.
        (
            (
                "UPDATE audit.event SET sequence = -1 - sequence WHERE sequence > 3",
                "UPDATE audit.event SET sequence = -sequence WHERE sequence < 0",
                "UPDATE audit.event AS e SET event_hash = audit.hash_event(e) WHERE sequence > 4",
                COPY.format(at=4, like=5),
                REHASH.format(4),
            ),
            4,
            "put in: the event after it follows the one before it",
        ),
        # Two events exchanged: as they are, and with all hashes computed anew.
        (
            (
                "UPDATE audit.event SET sequence = 99 WHERE sequence = 4",
                "UPDATE audit.event SET sequence = 4 WHERE sequence = 5",
                "UPDATE audit.event SET sequence = 5 WHERE sequence = 99",
            ),
            4,
            "changed",
        ),
        (
            (
                "UPDATE audit.event SET sequence = 99 WHERE sequence = 4",
                "UPDATE audit.event SET sequence = 4 WHERE sequence = 5",
                "UPDATE audit.event SET sequence = 5 WHERE sequence = 99",
                REWRITE.format(first=4),
            ),
            4,
            "some event from here to 5 changed, .* head 2, .* event 5",
        ),
        # The table's constraints are a superuser's to drop.
        (
            (
                "ALTER TABLE audit.event ALTER previous_hash DROP NOT NULL",
                "UPDATE audit.event SET previous_hash = NULL, subject = 'nobody' WHERE sequence IN (4, 6)",
            ),
            4,
            "changed",
        ),
        (
            (
                "ALTER TABLE audit.event ALTER previous_hash DROP NOT NULL, ALTER event_hash DROP NOT NULL",
                "UPDATE audit.event SET previous_hash = NULL, event_hash = NULL WHERE sequence = 4",
            ),
            4,
            "changed",
        ),
        ((NO_KEY, COPY.format(at=4, like=4), REHASH.format("4 AND person_id = 99")), 4, TWICE),
        ((NO_KEY, COPY.format(at=6, like=6), REHASH.format("6 AND person_id = 99")), 6, TWICE),
        ((NO_KEY, COPY.format(at="null", like=6), REHASH.format("6")), 0, "put in: .*"),
        (("UPDATE audit.event SET sequence = 9 WHERE sequence = 6",), 6, "gone, and all up to event 8"),
        (("DELETE FROM audit.chain_head WHERE sequence > 0",), 7, "the chain's end is gone .*"),
        (("UPDATE audit.chain_head SET sequence = 4 WHERE sequence > 0",), 5, "put in after the chain's end, or .*"),
    ],
)
def test_verify_names_the_first_event_that_is_not_what_was_written(
    settings: Settings, db: Database, chain: int, statements: tuple[str, ...], sequence: int, problem: str
) -> None:
    attack(db, *statements)
    broken = audit.verify(settings, db).broken
    assert [(event.chain, event.sequence) for event in broken] == [(chain, sequence)]
    assert re.fullmatch(problem, broken[0].problem), broken[0].problem


def test_an_event_of_no_chain_is_named(settings: Settings, db: Database, chain: int) -> None:
    attack(
        db, NO_KEY, "ALTER TABLE audit.event ALTER chain DROP NOT NULL", COPY.format(at="null, 'chain', null", like=6)
    )
    assert audit.verify(settings, db).broken == (audit.BrokenEvent(-1, 1, "put in: there is no such chain"),)


@pytest.mark.parametrize(
    "disguise",
    [
        "CREATE OR REPLACE FUNCTION audit.hash_event(e audit.event) RETURNS bytea LANGUAGE sql "
        "AS 'SELECT e.event_hash'",
        "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO sanctum_auditor; "
        "CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT NULL::bytea'; "
        "ALTER ROLE sanctum_auditor IN DATABASE {} SET search_path = evil, pg_catalog",
    ],
)
def test_replaced_functions_hide_nothing(settings: Settings, db: Database, chain: int, disguise: str) -> None:
    attack(db, ALTER.format(4), disguise.format(dict(db.parameters)["dbname"]))
    broken = audit.verify(settings, db).broken
    assert broken == (audit.BrokenEvent(chain, 4, "changed"),)


def test_several_broken_chains_are_all_named(settings: Settings, db: Database) -> None:
    with db.connect(Role.INGEST) as first, db.connect(Role.INGEST) as second:
        for connection in (first, second):
            audit.record(connection, subject="s", purpose="p", action="read", object_kind="note", person_id=1)
    audit.sign(settings, db)
    attack(db, "DELETE FROM audit.event", EMPTY_END, "INSERT INTO audit.chain_head VALUES (77, 1, '')")
    broken = audit.verify(settings, db).broken
    assert [event.sequence for event in broken] == [1, 1, 1]
    assert broken[2] == audit.BrokenEvent(77, 1, "put in: there is no such chain")


def lines_of(settings: Settings) -> list[bytes]:
    return audit.heads_file(settings).read_bytes().splitlines(keepends=True)


def heads(settings: Settings, db: Database) -> list[tuple[int, int, str, str]]:
    found = audit.verify(settings, db)
    assert found.broken == ()
    assert not found.is_whole
    return [(head.number, head.last_number, head.place, head.problem) for head in found.broken_heads]


def test_heads_that_were_deleted_are_named(settings: Settings, db: Database, chain: int) -> None:
    audit.sign(settings, db)
    audit.heads_file(settings).write_bytes(b"".join(lines_of(settings)[:-1]))
    assert heads(settings, db) == [(3, 3, "file", "gone from the file")]
    attack(db, "DELETE FROM audit.signed_head WHERE number <= 2")
    assert heads(settings, db) == [(1, 2, "table", "gone from the table"), (3, 3, "file", "gone from the file")]
    audit.heads_file(settings).write_bytes(b"".join(lines_of(settings)[:1]))
    assert (2, 2, "both", "gone: the head after it names it") in heads(settings, db)
    audit.heads_file(settings).unlink()
    attack(db, FORGET)
    assert [(number, place) for number, _, place, _ in heads(settings, db)] == [(1, "both")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("body = replace(body, E'key ', E'key  ')", "altered: its text is no head's"),
        ("body = regexp_replace(body, ' 5 [0-9a-f]{8}', ' 5 00000000')", "altered: the signature .*"),
        ("signature = sha256('x') || sha256('y')", "altered: the signature .*"),
        ("signed_at = signed_at - interval '1 day'", "altered: its row says another number or time .*"),
    ],
)
def test_an_altered_head_is_named(settings: Settings, db: Database, chain: int, change: str, problem: str) -> None:
    attack(db, CHANGE.format(change))
    found = heads(settings, db)
    assert [(number, last, place) for number, last, place, _ in found] == [(2, 2, "table")]
    assert re.fullmatch(problem, found[0][3]), found


def forged(settings: Settings, db: Database, tmp_path: Path) -> SignedHead:
    """A head of another key, as its owner would sign it after rewriting the log."""
    other = settings.model_copy(update={"home": tmp_path / "attacker"})
    shutil.copytree(settings.home / "audit", other.home / "audit")
    shutil.copy(audit.public_key_file(settings), tmp_path / "copy.pub")
    return audit.sign(other, db)


def test_a_head_of_another_key_is_forged_and_vouches_for_nothing(
    settings: Settings, db: Database, chain: int, tmp_path: Path
) -> None:
    attack(db, ALTER.format(4), REWRITE.format(first=4))
    head = forged(settings, db, tmp_path)
    assert head.number == 3
    with audit.heads_file(settings).open("ab") as stream:
        stream.write(head.line() + b"\n")
    found = audit.verify(settings, db, public_key=tmp_path / "copy.pub")
    assert [(event.chain, event.sequence) for event in found.broken] == [(chain, 4)]
    named = [(broken.number, broken.place, broken.problem) for broken in found.broken_heads]
    problem = "signed with a key whose public key is not here: forged"
    assert named == [(3, "file", problem), (3, "table", problem)]
    # The next head takes the next number and follows the last that is ours.
    assert audit.sign(settings, db).number == 4
    assert len(audit.verify(settings, db).broken_heads) == 2


def test_a_forged_line_and_a_line_cut_short_are_named_and_spoil_no_other(
    settings: Settings, db: Database, chain: int
) -> None:
    file = audit.heads_file(settings)
    second = json.loads(lines_of(settings)[1])
    second["signature"] = base64.b64encode(Ed25519PrivateKey.generate().sign(second["body"].encode())).decode()
    file.write_bytes(lines_of(settings)[0] + json.dumps(second).encode() + b"\n" + b'{"number": 3, "bo')
    assert audit.sign(settings, db).number == 3
    assert heads(settings, db) == [
        (2, 2, "file", "altered: the signature is not that of this text"),
        (2, 2, "file", "gone from the file"),
        (3, 3, "file", "line 3 is no signed head"),
    ]


def test_a_head_that_only_the_file_has_can_be_put_back(settings: Settings, db: Database, chain: int) -> None:
    attack(db, "DELETE FROM audit.signed_head WHERE number = 2")
    assert heads(settings, db) == [(2, 2, "table", "gone from the table")]
    assert audit.restore(settings, db, DBA) == (2,)
    assert audit.verify(settings, db).is_whole
    assert audit.restore(settings, db, DBA) == ()
    with db.connect(Role.AUDITOR) as connection:
        asked = "SELECT subject, object_ids FROM audit.event WHERE action = 'restore-signed-heads' ORDER BY occurred_at"
        assert connection.execute(asked).fetchall() == [("dba", [2]), ("dba", [])]


def test_a_head_that_can_not_be_filed_is_not_signed(settings: Settings, db: Database, chain: int) -> None:
    file = audit.heads_file(settings)
    file.rename(file.with_name("kept"))
    file.mkdir()
    with pytest.raises(OSError, match="directory"):
        audit.sign(settings, db)
    file.rmdir()
    file.with_name("kept").rename(file)
    found = audit.verify(settings, db)
    assert (found.is_whole, found.signed_heads) == (True, 2)


def test_signing_reads_no_events(settings: Settings, db: Database, chain: int) -> None:
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("REVOKE SELECT ON audit.event FROM sanctum_auditor")
    assert audit.sign(settings, db).number == 3


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.AUDITOR, Role.OWNER)])
def test_only_the_auditor_adds_heads(db: Database, role: Role) -> None:
    statement = "INSERT INTO audit.signed_head VALUES (1, now(), 'x', sha256('x') || sha256('x'))"
    with db.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_the_key_is_made_once_and_for_its_owner_only(settings: Settings, db: Database) -> None:
    audit.sign(settings, db)
    key, public = audit.signing_key_file(settings), audit.public_key_file(settings)
    assert (stat.S_IMODE(key.stat().st_mode), stat.S_IMODE(key.parent.stat().st_mode)) == (0o600, 0o700)
    assert stat.S_IMODE(audit.heads_file(settings).stat().st_mode) == 0o600
    before = key.read_bytes()
    audit.sign(settings, db)
    assert key.read_bytes() == before
    assert public.read_bytes().count(b"BEGIN PUBLIC KEY") == 1
    key.chmod(0o640)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        audit.sign(settings, db)


def test_signers_at_the_same_moment_make_one_key_and_one_line_of_heads(settings: Settings, db: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        signed = list(pool.map(lambda _: audit.sign(settings, db), range(12)))
    assert sorted(head.number for head in signed) == list(range(1, 13))
    assert len({head.key_sha256 for head in signed}) == 1
    assert audit.verify(settings, db).is_whole


def test_heads_of_an_earlier_key_can_still_be_checked(settings: Settings, db: Database, chain: int) -> None:
    audit.signing_key_file(settings).unlink()
    audit.sign(settings, db)
    found = audit.verify(settings, db)
    assert (found.is_whole, found.signed_heads) == (True, 3)
    assert len({head.key_sha256 for head in file_heads(audit.heads_file(settings)).heads}) == 2


def test_a_key_of_another_kind_and_no_key_are_errors(settings: Settings, db: Database, tmp_path: Path) -> None:
    key = audit.signing_key_file(settings)
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text("-----BEGIN PRIVATE KEY-----\nbm8=\n-----END PRIVATE KEY-----\n")
    key.chmod(0o600)
    with pytest.raises(AuditKeyError, match="Ed25519"):
        signing_key(settings)
    with pytest.raises(AuditKeyError, match="not there"):
        audit.verify(settings, db, public_key=tmp_path / "none.pub")
    (tmp_path / "no.pub").write_text("nothing")
    with pytest.raises(AuditKeyError, match="no Ed25519 public keys"):
        audit.verify(settings, db, public_key=tmp_path / "no.pub")


def test_a_copy_that_is_older_than_the_last_head_lacks_nothing(
    settings: Settings, db: Database, chain: int, tmp_path: Path
) -> None:
    copy = tmp_path / "shipped.jsonl"
    shutil.copy(audit.heads_file(settings), copy)
    audit.sign(settings, db)
    found = audit.verify(settings, db, heads=copy)
    assert (found.broken_heads, found.signed_heads, found.unsigned_events) == ((), 3, 0)
    # One that holds no head at all is none, and one that lacks a head before its last is no copy.
    for kept, lacking in (([], (1, 3)), (copy.read_bytes().splitlines(keepends=True)[1:], (1, 1))):
        copy.write_bytes(b"".join(kept))
        broken = audit.verify(settings, db, heads=copy).broken_heads
        assert [(head.number, head.last_number, head.place) for head in broken] == [(*lacking, "file")]


def waiting(db: Database, number: int) -> None:
    """Until so many sessions wait for an advisory lock of this database."""
    query = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with db.connect(Role.AUDITOR, autocommit=True) as connection:
        while connection.execute(query).fetchone() != (number,):
            time.sleep(0.01)


def test_verifying_knows_the_key_that_was_made_while_it_waited(settings: Settings, db: Database) -> None:
    with ThreadPoolExecutor(2) as pool, db.connect(Role.AUDITOR) as holder:
        locks.hold(holder, locks.SIGNING)
        signing = pool.submit(audit.sign, settings, db)
        waiting(db, 1)
        verifying = pool.submit(audit.verify, settings, db)
        waiting(db, 2)
        holder.close()
        assert signing.result().number == 1
        assert verifying.result().is_whole


def test_a_copy_of_the_heads_elsewhere_finds_what_was_done_to_both_places(
    settings: Settings, db: Database, chain: int, tmp_path: Path
) -> None:
    shutil.copy(audit.heads_file(settings), tmp_path / "shipped.jsonl")
    shutil.copy(audit.public_key_file(settings), tmp_path / "copy.pub")
    shutil.rmtree(settings.home / "audit")
    shutil.rmtree(settings.home / "keys")
    attack(db, DELETE.format("> 3"), SET_END, FORGET)
    audit.sign(settings, db)
    found = audit.verify(settings, db, public_key=tmp_path / "copy.pub", heads=tmp_path / "shipped.jsonl")
    assert [(event.chain, event.sequence) for event in found.broken] == [(chain, 4)]
    with pytest.raises(DatabaseUnavailableError):
        audit.verify(settings, Database((("dbname", "absent"), *db.parameters[1:])))
