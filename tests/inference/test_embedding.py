from datetime import date
from pathlib import Path

import pytest

from inference.embedding import NotesMissingError, embed_notes
from inference.models import ModelError, prepare_embedding_model
from resources.postgres import Database, DatabaseUnavailableError, Role
from resources.settings import Settings
from tests.inference.conftest import MakeWarehouse, Warehouse

TWO = "Patient is married. Colonoscopy was done in 2021 at an outside hospital."


def chunks(warehouse: Warehouse) -> list[tuple]:
    return warehouse.rows(
        "SELECT note_id, person_id, note_date, sentence_number, chunk_text, chunk_id, embedding::text "
        "FROM retrieval.document_chunk ORDER BY note_id, sentence_number"
    )


def embed(warehouse: Warehouse) -> tuple[int, int, int, int]:
    report = embed_notes(warehouse.settings, warehouse.database)
    return report.chunks_new, report.chunks_kept, report.chunks_removed, report.sentences_embedded


def test_sentences_get_unit_vectors_and_offsets_into_the_note(warehouse: Warehouse) -> None:
    warehouse.add_note(1, 10, TWO)
    assert embed(warehouse) == (2, 0, 0, 2)
    assert warehouse.rows(
        "SELECT bool_and(substr(note_text, start_character + 1, end_character - start_character) = chunk_text), "
        "bool_and(abs(l2_norm(embedding) - 1) < 0.001), bool_and(sensitivity = '{}') "
        "FROM retrieval.document_chunk JOIN omop.note USING (note_id)"
    ) == [(True, True, True)]


def test_second_run_embeds_nothing_and_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.add_note(1, 10, TWO)
    warehouse.add_note(2, 11, "  \n ")
    embed(warehouse)
    events = "SELECT count(*) FROM audit.event WHERE action NOT IN ('open', 'read')"
    before = chunks(warehouse), warehouse.rows(events)
    assert embed(warehouse) == (0, 2, 0, 0)
    assert (chunks(warehouse), warehouse.rows(events)) == before


def test_changed_note_keeps_known_sentences_and_drops_old_ones(warehouse: Warehouse) -> None:
    warehouse.add_note(1, 10, TWO)
    embed(warehouse)
    warehouse.transform("UPDATE omop.note SET note_text = 'Patient is married. A stool test was negative.'")
    assert embed(warehouse) == (1, 1, 1, 1)
    assert [row[4] for row in chunks(warehouse)] == ["Patient is married.", "A stool test was negative."]


def test_vanished_and_emptied_notes_lose_their_chunks(warehouse: Warehouse) -> None:
    for note_id in (1, 2, 3):
        warehouse.add_note(note_id, 10, TWO)
    embed(warehouse)
    warehouse.transform("DELETE FROM omop.note WHERE note_id = 1")
    warehouse.transform("UPDATE omop.note SET note_text = '' WHERE note_id = 2")
    assert embed(warehouse) == (0, 2, 4, 0)
    assert {row[0] for row in chunks(warehouse)} == {3}


def test_a_note_without_a_word_is_read_once_and_audited(warehouse: Warehouse) -> None:
    warehouse.add_note(1, 10, "---\n")
    warehouse.add_note(2, 10, "\u00a0")
    embed(warehouse)
    assert warehouse.rows("SELECT object_ids FROM audit.event WHERE person_id = 10") == [([1, 2],)]
    assert embed(warehouse) == (0, 2, 0, 0)
    assert len(warehouse.rows("SELECT 1 FROM audit.event WHERE person_id = 10")) == 1


def test_merged_person_and_new_date_move_chunks_without_embedding(warehouse: Warehouse) -> None:
    warehouse.add_note(1, 10, TWO)
    embed(warehouse)
    warehouse.transform("UPDATE omop.note SET person_id = 99, note_date = '2025-06-01'")
    assert embed(warehouse) == (0, 2, 0, 0)
    assert {row[1:3] for row in chunks(warehouse)} == {(99, date(2025, 6, 1))}


def test_same_sentence_is_embedded_once(warehouse: Warehouse) -> None:
    for note_id in range(5):
        warehouse.add_note(note_id, note_id % 2, TWO)
    assert embed(warehouse) == (10, 0, 0, 2)
    warehouse.add_note(9, 0, TWO + " And more.")
    assert embed(warehouse) == (3, 10, 0, 1)


def test_another_model_embeds_anew(warehouse: Warehouse, make_warehouse: MakeWarehouse, tmp_path: Path) -> None:
    warehouse.add_note(1, 10, TWO)
    embed(warehouse)
    original = prepare_embedding_model(warehouse.settings)
    copy = tmp_path / "model"
    copy.mkdir()
    for path in original.path.iterdir():
        (copy / path.name).symlink_to(path)
    (copy / "note.txt").write_text("another model")
    other = warehouse.settings.model_copy(update={"embedding_model_path": copy})
    report = embed_notes(other, warehouse.database)
    assert (report.chunks_new, report.chunks_kept, report.sentences_embedded) == (0, 2, 2)
    assert warehouse.rows("SELECT DISTINCT model_sha256 FROM retrieval.document_chunk") == [
        (prepare_embedding_model(other).sha256,)
    ]


def test_interrupted_run_is_completed_by_the_next(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.embedding.NOTES_PER_TRANSACTION", 2)
    for note_id in range(6):
        warehouse.add_note(note_id, note_id, f"Note {note_id} says something of its own.")
    warehouse.transform("UPDATE omop.note SET note_date = NULL WHERE note_id = 5")  # violates NOT NULL of the chunk
    with pytest.raises(DatabaseUnavailableError) as raised:
        embed(warehouse)
    assert "something" not in str(raised.value)
    assert {row[0] for row in chunks(warehouse)} == {0, 1, 2, 3}
    warehouse.transform("UPDATE omop.note SET note_date = '2025-01-01' WHERE note_id = 5")
    assert embed(warehouse) == (2, 4, 0, 2)


def test_batch_and_its_audit_events_are_written_together_or_not_at_all(warehouse: Warehouse) -> None:
    warehouse.add_note(1, 10, TWO)
    with warehouse.superuser() as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION access.record FROM sanctum_embed")
    with pytest.raises(DatabaseUnavailableError, match="42501"):
        embed(warehouse)
    assert chunks(warehouse) == []
    with warehouse.superuser() as connection:
        connection.execute("GRANT EXECUTE ON FUNCTION access.record TO sanctum_embed")
    embed(warehouse)
    events = "SELECT subject, action, person_id, object_ids, row_count FROM audit.event WHERE action <> 'open'"
    # That the keys of all notes were read, and what was written of one person.
    assert warehouse.rows(f"{events} ORDER BY occurred_at") == [
        ("service:embedder", "read", None, [], 1),
        ("service:embedder", "embed", 10, [1], 2),
    ]


def test_embedder_reads_no_answers_and_no_audit(warehouse: Warehouse) -> None:
    with warehouse.database.connect(Role.EMBED, autocommit=True) as connection:
        for table in ("inference.adjudication", "audit.event", "features.care_gap"):
            with pytest.raises(Exception, match="permission denied"):
                connection.execute(f"SELECT * FROM {table}")


def test_without_notes_table_it_says_what_to_do(settings: Settings, db: Database) -> None:
    with pytest.raises(NotesMissingError, match="sanctum build"):
        embed_notes(settings, db)


def test_folder_without_a_model_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        prepare_embedding_model(settings.model_copy(update={"embedding_model_path": tmp_path}))


def test_packaged_weights_other_than_the_published_are_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.models.EMBEDDING_WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="not the published"):
        prepare_embedding_model(settings)
