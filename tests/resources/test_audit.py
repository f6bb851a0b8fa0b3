"""The audit log: in the caller's transaction, append-only, chained."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from resources import audit
from resources.postgres import Database, Role
from tests.conftest import superuser

BROKEN = """
SELECT count(*)
FROM (
    SELECT
        e.*,
        lag(e.event_hash) OVER (PARTITION BY e.chain ORDER BY e.sequence) AS before,
        audit.hash_event(e) AS again
    FROM audit.event AS e
) AS checked
WHERE again <> event_hash OR before <> previous_hash
"""


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
    assert count(db) == 40
    assert count(db, BROKEN) == 0


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


def test_a_changed_or_removed_event_breaks_its_chain(db: Database) -> None:
    with db.connect(Role.REVIEWER) as connection:
        for person in range(4):
            audit.record(
                connection, subject="s", purpose="p", action="read", object_kind="note", person_id=person, row_count=1
            )
    assert count(db, BROKEN) == 0
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("ALTER TABLE audit.event DISABLE TRIGGER event_is_append_only")
        connection.execute("UPDATE audit.event SET person_id = 99 WHERE person_id = 1")
    assert count(db, BROKEN) == 1
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("DELETE FROM audit.event WHERE person_id = 99")
    assert count(db, BROKEN) == 1
