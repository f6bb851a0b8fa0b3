"""Retention classes: what is due is purged where that is safe, nothing younger, and a site's own periods count."""

import psycopg
import pytest

from pipelines.retention import classes, purge
from resources import audit
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.conftest import superuser

PERSON = 42


@pytest.fixture
def old(server: Database, db: Database) -> Database:
    """Quarantine records and answers, young and old, open and released, superseded and current."""
    with superuser(server, dict(db.parameters)["dbname"]) as connection:
        connection.execute(
            "INSERT INTO quarantine.record (record_key, reason, quarantined_at, released_at) VALUES "
            "('old', 'not_json', now() - interval '9 years', now() - interval '8 years'), "
            "('young', 'not_json', now() - interval '9 years', now() - interval '40 days'), "
            "('open', 'not_json', now() - interval '9 years', NULL)"
        )
        connection.execute("INSERT INTO inference.model (model_sha256, model_name, engine) VALUES ('m', 'm', 'e')")
        for prompt, age in (("a", "9 years"), ("b", "8 years"), ("c", "1 day")):
            connection.execute(
                "INSERT INTO inference.adjudication (person_id, measure_id, period_start, period_end, prompt, "
                "prompt_sha256, prompt_version, model_sha256, completion, decision, prompt_tokens, completion_tokens, "
                "latency_ms, sensitivity, decided_at) "
                "VALUES (%s, 'CMS122', '2026-01-01', '2026-12-31', %s, %s, '1', 'm', 'x', "
                "'insufficient_evidence', 1, 1, 1, '{}', now() - %s::interval)",
                (PERSON, prompt, prompt, age),
            )
    return db


def test_each_class_says_what_is_in_it_and_due(old: Database) -> None:
    found = {one.store: (one.rows, one.due, one.purgeable) for one in classes(old)}
    assert found["quarantine.released"] == (2, 1, True)
    assert found["quarantine.open"] == (1, 0, False)
    assert found["inference.superseded"] == (2, 2, True)
    assert found["inference.current"] == (1, 0, False)
    assert found["audit.event"][1:] == (0, False)
    assert all(one.basis for one in classes(old))


def test_a_purge_removes_what_is_due_and_says_so(server: Database, settings: Settings, old: Database) -> None:
    assert purge(old, "test") == {"quarantine.released": 1, "inference.superseded": 2}
    with superuser(server, dict(old.parameters)["dbname"]) as connection:
        records = connection.execute("SELECT record_key FROM quarantine.record ORDER BY 1").fetchall()
        prompts = connection.execute("SELECT prompt FROM inference.adjudication").fetchall()
        events = connection.execute("SELECT action, row_count FROM audit.event").fetchall()
    assert (records, prompts, events) == ([("open",), ("young",)], [("c",)], [("purge", 3)])
    assert purge(old, "test") == {"quarantine.released": 0, "inference.superseded": 0}
    assert not audit.verify(settings, old).broken


def test_a_site_sets_its_own_periods_but_not_before_it_may_delete(old: Database) -> None:
    with old.connect(Role.OWNER) as connection:
        connection.execute("UPDATE retention.class SET delete_after = '35 days' WHERE store = 'quarantine.released'")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE retention.class SET delete_after = '1 day' WHERE store = 'quarantine.released'")
        connection.rollback()
        connection.execute("UPDATE retention.class SET delete_after = '35 days' WHERE store = 'quarantine.released'")
    assert purge(old, "test")["quarantine.released"] == 2


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM quarantine.record WHERE record_key = 'young'",
        "DELETE FROM quarantine.record WHERE record_key = 'open'",
        "DELETE FROM inference.adjudication",
    ],
)
def test_the_database_refuses_what_is_too_young(server: Database, old: Database, statement: str) -> None:
    with superuser(server, dict(old.parameters)["dbname"]) as connection:
        connection.execute("UPDATE retention.class SET keep_at_least = '1 year' WHERE store = 'quarantine.released'")
        # Somebody's erasure under way opens nothing to what is not part of it.
        connection.execute(
            "INSERT INTO landing.erasure (person_id, person_keys, reason_code, subject) "
            "VALUES (4711, '{}', 'court-order', 'test')"
        )
    with old.connect(Role.ERASER) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(statement.encode())


def test_saying_that_one_erases_is_not_enough(old: Database) -> None:
    with old.connect(Role.ERASER) as connection:
        connection.execute("SET sanctum.erasing = 'on'")
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("DELETE FROM inference.adjudication")


def test_nobody_but_the_owner_edits_classes(old: Database) -> None:
    for role in (Role.ERASER, Role.INGEST, Role.AUDITOR, Role.TRANSFORM):
        with old.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE retention.class SET delete_after = NULL")
