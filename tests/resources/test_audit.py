"""The audit log: in the caller's transaction, append-only, chained."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from resources import audit
from resources.postgres import Database, Role
from tests.conftest import superuser


def append(db: Database, person: int = 7, *, fail: bool = False) -> None:
    with db.connect(Role.REVIEWER) as connection:
        audit.record(
            connection,
            subject="dr-who",
            purpose="test",
            action="read",
            object_kind="note",
            person_id=person,
            row_count=1,
        )
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
    assert count(db, "SELECT count(*) FROM audit.event WHERE database_role = 'sanctum_reviewer' AND person_id = 7") == 1


def test_autocommit_is_refused(db: Database) -> None:
    with db.connect(Role.REVIEWER, autocommit=True) as connection, pytest.raises(ValueError, match="autocommit"):
        audit.record(connection, subject="x", purpose="x", action="read", object_kind="note")


def test_many_writers_leave_unbroken_chains(db: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda person: append(db, person), range(40)))
    assert audit.verify(db) == audit.Verification(40, ())


@pytest.mark.parametrize(
    "statement", ["UPDATE audit.event SET subject = 'x'", "DELETE FROM audit.event", "TRUNCATE audit.event"]
)
def test_even_a_superuser_needs_to_disarm_it_first(db: Database, statement: str) -> None:
    append(db)
    with (
        superuser(db, dict(db.parameters)["dbname"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def superuser_does(db: Database, statement: str) -> None:
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("ALTER TABLE audit.event DISABLE TRIGGER event_is_append_only")
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "sequence", "problem"),
    [
        ("UPDATE audit.event SET person_id = 99 WHERE sequence = 2", 2, "changed"),
        ("UPDATE audit.event SET subject = 'nobody' WHERE sequence = 1", 1, "changed"),
        ("DELETE FROM audit.event WHERE sequence = 2", 3, "an event before it is gone or was put in"),
        ("DELETE FROM audit.event WHERE sequence = 1", 2, "an event before it is gone or was put in"),
        ("DELETE FROM audit.event WHERE sequence = 4", 4, "the events from here on are gone"),
        ("DELETE FROM audit.event", 1, "the events from here on are gone"),
        ("UPDATE audit.event SET sequence = 9 WHERE sequence = 4", 9, "changed"),
    ],
)
def test_verify_names_the_first_altered_event(db: Database, statement: str, sequence: int, problem: str) -> None:
    with db.connect(Role.REVIEWER) as connection:
        for person in range(4):
            audit.record(
                connection, subject="s", purpose="p", action="read", object_kind="note", person_id=person, row_count=1
            )
    assert audit.verify(db) == audit.Verification(4, ())
    superuser_does(db, statement)
    broken = audit.verify(db).broken
    assert [(event.sequence, event.problem) for event in broken] == [(sequence, problem)]


def test_who_did_what_with_a_person(db: Database) -> None:
    append(db, 7)
    append(db, 8)
    assert [(event["subject"], event["action"], event["row_count"]) for event in audit.events_of(db, 7)] == [
        ("dr-who", "read", 1)
    ]
    assert audit.events_of(db, 9) == []
