from datetime import date

import psycopg
import pytest

from inference.embedding import embed_notes
from inference.encoder import Encoder
from inference.retrieval import Hit, search
from resources.identity import Identity
from resources.identity.session import AccessDeniedError, open_session
from resources.postgres import DatabaseUnavailableError, Role
from tests.identities import identity
from tests.inference.conftest import Warehouse

PLANTED = "She had a colonoscopy at a clinic out of state, which was normal."


@pytest.fixture
def searchable(warehouse: Warehouse) -> Warehouse:
    warehouse.add_note(1, 10, f"Patient is married. {PLANTED} No chest pain. Lives with her dog.")
    warehouse.add_note(2, 10, "Patient is married. Flu vaccine given.", date(2025, 5, 1))
    warehouse.add_note(3, 11, "Colonoscopy and bowel cancer screening: colonoscopy refused. Patient is married.")
    embed_notes(warehouse.settings, warehouse.database)
    return warehouse


def find(warehouse: Warehouse, person: int, text: str, who: Identity | None = None, limit: int = 5) -> list[Hit]:
    asking = who or identity(everyone=True)
    return search(warehouse.settings, warehouse.database, asking, person, text, limit=limit)


def test_planted_sentence_is_the_top_hit(searchable: Warehouse) -> None:
    hits = find(searchable, 10, "bowel cancer screening by colonoscopy", limit=3)
    assert hits[0].sentence == PLANTED
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
    assert len(hits) == 3


def test_only_the_asked_person_is_found_and_a_repeated_sentence_once(searchable: Warehouse) -> None:
    hits = find(searchable, 10, "married", limit=100)
    assert {hit.note_id for hit in hits} == {1, 2}
    married = [hit for hit in hits if hit.sentence == "Patient is married."]
    assert [hit.note_id for hit in married] == [2]


def test_every_search_is_audited_even_of_an_unknown_person(searchable: Warehouse) -> None:
    hits = find(searchable, 10, "dog", limit=1)
    assert find(searchable, 12345, "dog", identity(Role.INFER, "other", everyone=True)) == []
    events = searchable.rows(
        "SELECT database_role, subject, person_id, object_ids, row_count, details::text FROM audit.event "
        "WHERE action = 'read' AND object_kind = 'retrieval.document_chunk' ORDER BY occurred_at"
    )
    assert [event[:5] for event in events] == [
        ("sanctum_reviewer", "dr-who", 10, [hits[0].chunk_id], 1),
        ("sanctum_infer", "other", 12345, [], 0),
    ]
    assert "dog" not in str(events)


@pytest.mark.parametrize("action", ["open", "claim", "read"])
def test_without_an_audit_event_there_is_no_answer(searchable: Warehouse, action: str) -> None:
    with searchable.superuser() as connection:
        connection.execute(
            f"CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.action = '{action}' "
            "THEN RAISE 'no'; END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER refuse BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.refuse()"
        )
    with pytest.raises(DatabaseUnavailableError, match="P0001"):
        find(searchable, 10, "dog")


def test_a_person_of_no_site_or_team_of_the_caller_is_refused_and_that_is_on_record(searchable: Warehouse) -> None:
    with searchable.database.connect(Role.TRANSFORM) as connection:
        connection.execute("INSERT INTO access.scope_name VALUES ('ehr|Organization/east', 5)")
        connection.execute("INSERT INTO access.person_scope VALUES (10, 5)")
    east = identity(care_sites=("Organization/east",))
    assert find(searchable, 10, "dog", east)
    with pytest.raises(AccessDeniedError):
        find(searchable, 11, "dog", east)
    events = "SELECT action FROM audit.event WHERE person_id = 11 AND subject = 'dr-who'"
    assert searchable.rows(events) == [("claim-denied",)]


def test_labels_hide_sentences_and_consent_opens_them_until_it_is_revoked(searchable: Warehouse) -> None:
    searchable.label(2, 10, "42CFRPart2")
    embed_notes(searchable.settings, searchable.database)
    cleared = identity(everyone=True, sensitivities=("42CFRPart2",))

    def notes(who: Identity) -> set[int]:
        return {hit.note_id for hit in find(searchable, 10, "married", who, limit=100)}

    def decide(decision: str) -> None:
        with open_session(searchable.settings, searchable.database, cleared) as session:
            session.claim([10])
            session.enter(10)
            consent = "SELECT access.record_consent('42CFRPart2', %s, current_date, NULL)"
            session.connection.execute(consent.encode(), (decision,))
            session.connection.commit()

    assert (notes(identity(everyone=True)), notes(cleared)) == ({1}, {1})
    decide("permit")
    assert (notes(identity(everyone=True)), notes(cleared)) == ({1}, {1, 2})
    decide("deny")
    assert notes(cleared) == {1}


def test_the_embedder_cuts_no_psychotherapy_note_and_takes_back_what_it_cut(searchable: Warehouse) -> None:
    assert searchable.rows("SELECT count(*) FROM retrieval.document_chunk WHERE note_id = 2") == [(2,)]
    searchable.label(2, 10, "PSYTHPN")
    embed_notes(searchable.settings, searchable.database)
    assert searchable.rows("SELECT count(*) FROM retrieval.document_chunk WHERE note_id = 2") == [(0,)]
    searchable.label(2, 10)
    embed_notes(searchable.settings, searchable.database)
    assert searchable.rows("SELECT count(*) FROM retrieval.document_chunk WHERE note_id = 2") == [(2,)]


@pytest.mark.parametrize("role", [Role.INFER, Role.REVIEWER])
def test_readers_write_no_chunks(searchable: Warehouse, role: Role) -> None:
    for statement in ("DELETE FROM retrieval.document_chunk", "UPDATE retrieval.document_chunk SET person_id = 10"):
        with open_session(searchable.settings, searchable.database, identity(role, everyone=True)) as session:
            session.claim([11])
            session.enter(11)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.connection.execute(statement.encode())
            session.connection.rollback()


def test_many_other_persons_do_not_crowd_out_the_asked_one(warehouse: Warehouse) -> None:
    """An HNSW scan would find their nearer sentences first and, filtered afterwards, return nothing."""
    for number in range(300):
        warehouse.add_note(number, number, f"Colonoscopy number {number} was done.")
    warehouse.add_note(999, 999, "Likes gardening.")
    embed_notes(warehouse.settings, warehouse.database)
    with warehouse.superuser() as connection:
        connection.execute("ANALYZE retrieval.document_chunk")
    encoder = Encoder(warehouse.settings)
    who = identity(everyone=True)
    hits = search(warehouse.settings, warehouse.database, who, 999, "colonoscopy was done", encoder=encoder)
    assert [hit.sentence for hit in hits] == ["Likes gardening."]
