"""The audit log: in the caller's transaction, append-only, chained."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from resources import audit
from resources.postgres import Database, DatabaseUnavailableError, Role
from resources.settings import Settings
from tests.conftest import superuser
from tests.identities import identity

OFFICER = identity(Role.AUDITOR, "privacy-officer", purposes=("HCOMPL",))


def record(connection: psycopg.Connection[Any], person: int) -> None:
    audit.record(
        connection,
        subject="dr-who",
        purpose="test",
        action="read",
        object_kind="note",
        person_id=person,
        row_count=1,
    )


def append(db: Database, person: int = 7, *, fail: bool = False) -> None:
    with db.connect(Role.INGEST) as connection:
        record(connection, person)
        if fail:
            raise RuntimeError("the work failed")


def count(db: Database, query: str = "SELECT count(*) FROM audit.event") -> int:
    with db.connect(Role.AUDITOR) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else -1


def test_an_event_lives_and_dies_with_its_transaction(db: Database) -> None:
    append(db)
    with pytest.raises(RuntimeError):
        append(db, fail=True)
    assert count(db) == 1
    assert count(db, "SELECT count(*) FROM audit.event WHERE database_role = 'sanctum_ingest' AND person_id = 7") == 1


def test_autocommit_is_refused(db: Database) -> None:
    with db.connect(Role.INGEST, autocommit=True) as connection, pytest.raises(ValueError, match="autocommit"):
        audit.record(connection, subject="x", purpose="x", action="read", object_kind="note")


def test_many_writers_leave_unbroken_chains(settings: Settings, db: Database) -> None:
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda person: append(db, person), range(96)))
    found = audit.verify(settings, db)
    assert (found.events, found.broken) == (96, ())


def test_a_writer_takes_a_free_chain_and_keeps_it(db: Database) -> None:
    # All sixteen hold their chains at once: whoever had to wait would wait for ever here.
    with ExitStack() as open_transactions:
        for person in range(16):
            connection = open_transactions.enter_context(db.connect(Role.INGEST))
            connection.execute("SET LOCAL lock_timeout = '5s'")
            record(connection, person)
            record(connection, person)
    assert count(db, "SELECT count(DISTINCT chain) FROM audit.event") == 16
    assert count(db, "SELECT count(DISTINCT (chain, person_id)) FROM audit.event") == 16
    assert count(db) == 32


def test_one_writer_more_than_chains_waits_for_one(db: Database) -> None:
    with ExitStack() as open_transactions:
        for person in range(16):
            record(open_transactions.enter_context(db.connect(Role.INGEST)), person)
        with db.connect(Role.INGEST) as late:
            late.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                record(late, 17)
    append(db, 17)
    assert count(db) == 17


@pytest.mark.parametrize("table", ["event", "signed_head"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_even_a_superuser_needs_to_disarm_it_first(db: Database, table: str, statement: str) -> None:
    append(db)
    column = {"event": "subject", "signed_head": "body"}[table]
    with (
        superuser(db, dict(db.parameters)["dbname"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        connection.execute(statement.format(f"audit.{table}", column, column).encode())


def test_who_did_what_with_a_person(settings: Settings, db: Database) -> None:
    append(db, 7)
    append(db, 8)
    assert [(event["subject"], event["action"], event["row_count"]) for event in asked(settings, db, 7)] == [
        ("dr-who", "read", 1)
    ]
    assert asked(settings, db, 9) == []


def asked(settings: Settings, db: Database, person: int) -> list[dict[str, Any]]:
    return audit.events_of(settings, db, OFFICER, person)


def test_who_asked_is_in_the_log_too(settings: Settings, db: Database) -> None:
    append(db, 7)
    asked(settings, db, 7)
    assert [(e["subject"], e["action"], e["database_role"], e["row_count"]) for e in asked(settings, db, 7)[1:]] == [
        ("privacy-officer", "disclosure-accounting", "sanctum_auditor", 1)
    ]


def test_without_the_event_of_asking_there_is_no_answer(settings: Settings, db: Database) -> None:
    append(db, 7)
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION access.record FROM sanctum_auditor")
    with pytest.raises(DatabaseUnavailableError):
        asked(settings, db, 7)
    with pytest.raises(DatabaseUnavailableError):
        next(audit.export(settings, db, OFFICER))


def test_the_export_is_announced_before_its_first_event(settings: Settings, db: Database) -> None:
    for person in (7, 7, 8):
        append(db, person)
    events = audit.export(settings, db, OFFICER, person_id=7)
    assert next(events)["person_id"] == 7
    assert count(db, "SELECT row_count FROM audit.event WHERE action = 'export' AND person_id = 7") == 2
    assert len(list(events)) == 1
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert list(audit.export(settings, db, OFFICER, since=tomorrow)) == []
    # Each export opened a session first.
    assert len(list(audit.export(settings, db, OFFICER))) == 7
