"""Stored decisions against the truth: what is counted, and that reading them is audited."""

import psycopg
import pytest

from inference.evaluation import Evaluation, Expectation, evaluate
from resources.identity.session import open_service_session
from resources.postgres import DatabaseUnavailableError
from tests.chunks import add_chunk
from tests.inference.conftest import PERIOD, Warehouse

SHOWN, HIDDEN = "A1c was 6.9 %.", "Nobody saw this."


def decide(warehouse: Warehouse, person: int, measure: str, decision: str, cited: bool) -> None:
    with warehouse.superuser() as connection:
        sha256 = add_chunk(connection, person, SHOWN, chunk_id=person, note_id=person)
    with open_service_session(warehouse.settings, warehouse.database, "adjudicator") as session:
        session.claim([person])
        session.enter(person)
        connection = session.connection
        connection.execute("INSERT INTO inference.model VALUES ('model', 'test', 'test') ON CONFLICT DO NOTHING")
        row = connection.execute(
            "INSERT INTO inference.adjudication (person_id, measure_id, period_start, period_end, prompt, "
            "prompt_sha256, prompt_version, model_sha256, completion, decision, prompt_tokens, completion_tokens, "
            "latency_ms, sensitivity) VALUES (%s, %s, %s, %s, '', %s, '', 'model', '', %s, 1, 1, 1, '{}') "
            "RETURNING adjudication_id",
            (person, measure, *PERIOD, decision, decision),
        ).fetchone()
        connection.execute(
            "INSERT INTO inference.adjudication_evidence VALUES (%s, %s, 'S1', %s, %s, %s, %s)",
            (row[0], person, person, person, sha256, cited),
        )


def test_shown_cited_and_right_are_counted_of_the_newest_decision(warehouse: Warehouse) -> None:
    decide(warehouse, 1, "CMS122", "does_not_close_gap", cited=False)
    decide(warehouse, 1, "CMS122", "closes_gap", cited=True)
    decide(warehouse, 2, "CMS122", "closes_gap", cited=True)
    decide(warehouse, 3, "CMS122", "insufficient_evidence", cited=False)
    found = evaluate(
        warehouse.settings,
        warehouse.database,
        [
            Expectation(1, "CMS122", True, SHOWN),
            Expectation(2, "CMS122", False, HIDDEN),
            Expectation(3, "CMS122", False, SHOWN),
            Expectation(4, "CMS122", True, SHOWN),
        ],
    )
    assert found == Evaluation(expected=4, decided=3, sentence_shown=2, sentence_cited=1, decision_right=2)
    events = warehouse.rows("SELECT person_id, row_count FROM audit.event WHERE action = 'read' ORDER BY 1")
    assert events == [(1, 1), (2, 1), (3, 1), (4, 0)]


def test_what_can_not_be_audited_is_not_read(warehouse: Warehouse) -> None:
    with warehouse.superuser() as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION access.record FROM sanctum_reviewer")
    with pytest.raises((DatabaseUnavailableError, psycopg.Error)):
        evaluate(warehouse.settings, warehouse.database, [Expectation(1, "CMS122", True, SHOWN)])
