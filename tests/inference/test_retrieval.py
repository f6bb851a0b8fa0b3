from datetime import date

import psycopg
import pytest

from inference.embedding import embed_notes
from inference.encoder import Encoder
from inference.retrieval import claim_person, search
from resources.postgres import DatabaseUnavailableError, Role
from tests.inference.conftest import Warehouse

PLANTED = "She had a colonoscopy at a clinic out of state, which was normal."


@pytest.fixture
def searchable(warehouse: Warehouse) -> Warehouse:
    warehouse.add_note(1, 10, f"Patient is married. {PLANTED} No chest pain. Lives with her dog.")
    warehouse.add_note(2, 10, "Patient is married. Flu vaccine given.", date(2025, 5, 1))
    warehouse.add_note(3, 11, "Colonoscopy and bowel cancer screening: colonoscopy refused. Patient is married.")
    embed_notes(warehouse.settings, warehouse.database)
    return warehouse


def test_planted_sentence_is_the_top_hit(searchable: Warehouse) -> None:
    hits = search(searchable.settings, searchable.database, 10, "bowel cancer screening by colonoscopy", limit=3)
    assert hits[0].sentence == PLANTED
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
    assert len(hits) == 3


def test_only_the_asked_person_is_found_and_a_repeated_sentence_once(searchable: Warehouse) -> None:
    hits = search(searchable.settings, searchable.database, 10, "married", limit=100)
    assert {hit.note_id for hit in hits} == {1, 2}
    married = [hit for hit in hits if hit.sentence == "Patient is married."]
    assert [hit.note_id for hit in married] == [2]


def test_every_search_is_audited_even_of_an_unknown_person(searchable: Warehouse) -> None:
    hits = search(searchable.settings, searchable.database, 10, "dog", limit=1, subject="dr-who", role=Role.REVIEWER)
    assert search(searchable.settings, searchable.database, 12345, "dog") == []
    events = searchable.rows(
        "SELECT database_role, subject, person_id, object_ids, row_count, details::text FROM audit.event "
        "WHERE action = 'read' ORDER BY occurred_at"
    )
    assert [event[:5] for event in events] == [
        ("sanctum_reviewer", "dr-who", 10, [hits[0].chunk_id], 1),
        ("sanctum_infer", "cli", 12345, [], 0),
    ]
    assert "dog" not in str(events)


def test_without_an_audit_event_there_is_no_answer(searchable: Warehouse) -> None:
    with searchable.superuser() as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION audit.append FROM sanctum_infer")
    with pytest.raises(DatabaseUnavailableError, match="42501"):
        search(searchable.settings, searchable.database, 10, "dog")


def count(connection: psycopg.Connection) -> list[tuple]:
    return connection.execute("SELECT DISTINCT person_id FROM retrieval.document_chunk").fetchall()


@pytest.mark.parametrize("role", [Role.INFER, Role.REVIEWER])
def test_claim_opens_one_person_for_one_transaction(searchable: Warehouse, role: Role) -> None:
    with searchable.database.connect(role) as connection:
        assert count(connection) == []
        claim_person(connection, 10, subject="test", purpose="test")
        assert count(connection) == [(10,)]
        claim_person(connection, 11, subject="test", purpose="test")
        assert count(connection) == [(11,)]
        connection.commit()
        assert count(connection) == []
        claim_person(connection, 10, subject="test", purpose="test")
        connection.rollback()
        assert count(connection) == []


@pytest.mark.parametrize("role", [Role.INFER, Role.REVIEWER])
def test_a_claim_can_not_be_made_up_or_kept(searchable: Warehouse, role: Role) -> None:
    with searchable.database.connect(role) as connection:
        claim_person(connection, 10, subject="test", purpose="test")
        kept = connection.execute("SELECT current_setting('sanctum.claim')").fetchone()[0]
        connection.commit()
        signature = kept.split(".")[1]
        for claim in (kept, f"11.{signature}", "10", "10.", "11.x", "9" * 30 + ".x", "", "x" * 9):
            # A transaction of its own number, as any write gives it.
            connection.execute("SELECT pg_current_xact_id()")
            connection.execute("SELECT set_config('sanctum.claim', %s, true)", (claim,))
            assert count(connection) == []
            connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT retrieval.sign_claim(10)")
        connection.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT secret FROM retrieval.claim_secret")


def test_the_database_itself_audits_each_claim(searchable: Warehouse) -> None:
    with searchable.database.connect(Role.REVIEWER) as connection:
        connection.execute("SELECT retrieval.claim(10, 'dr-who', 'curiosity')")
        assert count(connection) == [(10,)]
    events = "SELECT database_role, subject, purpose, person_id FROM audit.event WHERE action = 'claim'"
    assert searchable.rows(events) == [("sanctum_reviewer", "dr-who", "curiosity", 10)]
    with searchable.superuser() as connection:
        connection.execute(
            "CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
            "CREATE TRIGGER refuse BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.refuse()"
        )
    with searchable.database.connect(Role.REVIEWER) as connection:
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT retrieval.claim(10, 'dr-who', 'curiosity')")
        connection.rollback()
        assert count(connection) == []


def test_claim_needs_a_transaction(searchable: Warehouse) -> None:
    with (
        searchable.database.connect(Role.INFER, autocommit=True) as connection,
        pytest.raises(ValueError, match="autocommit"),
    ):
        claim_person(connection, 10, subject="test", purpose="test")


def test_readers_write_no_chunks(searchable: Warehouse) -> None:
    for role in (Role.INFER, Role.REVIEWER):
        for statement in ("DELETE FROM retrieval.document_chunk", "UPDATE retrieval.document_chunk SET person_id = 10"):
            with searchable.database.connect(role) as connection:
                claim_person(connection, 11, subject="test", purpose="test")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)


def test_many_other_persons_do_not_crowd_out_the_asked_one(warehouse: Warehouse) -> None:
    """An HNSW scan would find their nearer sentences first and, filtered afterwards, return nothing."""
    for number in range(300):
        warehouse.add_note(number, number, f"Colonoscopy number {number} was done.")
    warehouse.add_note(999, 999, "Likes gardening.")
    embed_notes(warehouse.settings, warehouse.database)
    with warehouse.superuser() as connection:
        connection.execute("ANALYZE retrieval.document_chunk")
    hits = search(
        warehouse.settings, warehouse.database, 999, "colonoscopy was done", encoder=Encoder(warehouse.settings)
    )
    assert [hit.sentence for hit in hits] == ["Likes gardening."]
