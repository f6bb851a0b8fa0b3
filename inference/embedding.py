"""Keeps ``retrieval.document_chunk`` equal to the sentences of ``omop.note``, each with its embedding.

Belongs here: what is new, changed, moved or gone, and writing it. Each batch of notes is one transaction together
with its audit events, so an interrupted run loses one batch at most and the next run goes on from there.
"""

import contextlib
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pgvector import HalfVector
from pgvector.psycopg import register_vector

from inference.chunking import CHUNKING_VERSION, Sentence, chunk_id, split_sentences
from inference.encoder import Encoder
from inference.models import prepare_embedding_model
from inference.statements import statement
from resources import locks
from resources.identity.session import Session, open_service_session
from resources.postgres import Database
from resources.progress import Progress
from resources.settings import Settings

NOTES_PER_TRANSACTION = 200
_SERVICE = "embedder"
_REMEMBERED_SENTENCES = 50_000


class NotesMissingError(RuntimeError):
    """``omop.note`` is not there: dbt has not built it."""


@dataclass(frozen=True)
class EmbeddingReport:
    """What a run found and did.

    Attributes:
        notes_read: notes that hold text.
        chunks_new: chunks added.
        chunks_kept: chunks that were there before and still are.
        chunks_removed: chunks of changed or vanished notes, removed.
        sentences_embedded: distinct sentences the model was given.
        seconds: wall-clock time of the run.
    """

    notes_read: int
    chunks_new: int
    chunks_kept: int
    chunks_removed: int
    sentences_embedded: int
    seconds: float


@dataclass(frozen=True)
class IndexProblems:
    """What is wrong with the chunks: those whose note is gone or another person's, and notes not cut as they are."""

    chunks_without_note: int
    notes_not_current: int


@dataclass(frozen=True)
class _Note:
    note_id: int
    person_id: int
    note_date: date
    text: str
    sensitivity: list[str]
    sentences: Sequence[Sentence]


@dataclass
class _Run:
    encoder: Encoder
    session: Session
    counts: Counter[str] = field(default_factory=Counter)
    # Notes repeat each other's sentences: those of this run are not embedded twice, whoever's they are.
    vectors: dict[str, HalfVector] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, str]:
        return {"model_sha256": self.encoder.files.sha256, "chunking_version": CHUNKING_VERSION}


def embed_notes(settings: Settings, database: Database, progress: Progress | None = None) -> EmbeddingReport:
    """Cut new and changed notes into sentences and embed those; keep, move or remove the others' chunks.

    A second run on unchanged notes embeds nothing and does not load the model. Runs wait for each other.

    Args:
        settings: the model, and how many threads it may use.
        database: the warehouse; read and written as service ``embedder``.
        progress: called with ("embed", notes done, notes to do).

    Raises:
        NotesMissingError: ``omop.note`` was not built yet.
        inference.models.ModelError: the embedding model is missing or altered.
        resources.postgres.DatabaseUnavailableError: the database refused; the batches before stay committed.
    """
    started = time.monotonic()
    with _exclusive_session(settings, database) as session:
        run = _Run(Encoder(settings), session)
        session.enter()
        states = _note_states(session, run.identity)
        session.connection.commit()
        run.counts["kept"] += sum(chunks for _, state, chunks in states if state != "stale")
        _remove_vanished(run)
        _move(run, [note_id for note_id, state, _ in states if state == "moved"])
        stale = [note_id for note_id, state, _ in states if state == "stale"]
        for done in range(0, len(stale), NOTES_PER_TRANSACTION):
            if progress:
                progress("embed", done, len(stale))
            _replace(run, stale[done : done + NOTES_PER_TRANSACTION])
        if progress:
            progress("embed", len(stale), len(stale))
    counts = run.counts
    return EmbeddingReport(
        notes_read=len(states),
        chunks_new=counts["new"],
        chunks_kept=counts["kept"],
        chunks_removed=counts["removed"],
        sentences_embedded=counts["embedded"],
        seconds=round(time.monotonic() - started, 3),
    )


def index_problems(settings: Settings, database: Database) -> IndexProblems:
    """Compare all chunks with all notes, as service ``embedder``; no text leaves the database.

    Raises:
        inference.models.ModelError: the embedding model is missing or altered.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    identity = {"model_sha256": prepare_embedding_model(settings).sha256, "chunking_version": CHUNKING_VERSION}
    with open_service_session(settings, database, _SERVICE) as session:
        session.enter()
        orphans = session.connection.execute(statement("chunks_without_note")).fetchall()
        states = _note_states(session, identity)
    return IndexProblems(orphans[0][0], sum(state != "kept" for _, state, _ in states))


def _note_states(session: Session, identity: Mapping[str, str]) -> list[tuple[int, str, int]]:
    """Key, state and chunks of every note, with one audit event: nothing of what the notes say leaves the database."""
    states = session.connection.execute(statement("note_states"), identity).fetchall()
    session.record(action="read", object_kind="omop.note", row_count=len(states), details={"columns": "keys"})
    return states


@contextlib.contextmanager
def _exclusive_session(settings: Settings, database: Database) -> Iterator[Session]:
    with open_service_session(settings, database, _SERVICE) as session:
        connection = session.connection
        if connection.execute("SELECT to_regclass('omop.note')").fetchone() == (None,):
            raise NotesMissingError("omop.note is not there: run 'sanctum build' first.")
        # Held by the session, not a transaction: PostgreSQL drops it when this process dies.
        locks.hold(connection, locks.EMBEDDING)
        register_vector(connection)
        connection.commit()
        yield session


def _remove_vanished(run: _Run) -> None:
    run.session.enter()
    removed = run.session.connection.execute(statement("delete_vanished")).fetchall()
    run.counts["removed"] += len(removed)
    _audit(run.session, removed, {"outcome": "removed"})
    run.session.connection.commit()


def _move(run: _Run, note_ids: Sequence[int]) -> None:
    if note_ids:
        run.session.enter()
        moved = run.session.connection.execute(statement("move_chunks"), {"note_ids": list(note_ids)}).fetchall()
        _audit(run.session, moved, {"outcome": "moved"})
        run.session.connection.commit()


def _replace(run: _Run, note_ids: Sequence[int]) -> None:
    """Write the chunks of these notes as their text is now, in one transaction."""
    connection = run.session.connection
    run.session.enter()
    notes = _read_notes(run, note_ids)
    before = {
        chunk
        for (chunk,) in connection.execute(
            "SELECT chunk_id FROM retrieval.document_chunk WHERE note_id = ANY(%s)", (list(note_ids),)
        )
    }
    vectors = _vectors(run, notes)
    rows = [row for note in notes for row in _chunk_rows(note, vectors, run.identity)]
    after = {row["chunk_id"] for row in rows}
    if before - after:
        connection.execute("DELETE FROM retrieval.document_chunk WHERE chunk_id = ANY(%s)", (sorted(before - after),))
    with connection.cursor() as cursor:
        cursor.executemany(statement("upsert_chunk"), rows)
    _audit(run.session, [(row["person_id"], row["note_id"]) for row in rows], {"outcome": "embedded", **run.identity})
    connection.commit()
    run.counts.update(new=len(after - before), kept=len(after & before), removed=len(before - after))


def _read_notes(run: _Run, note_ids: Sequence[int]) -> list[_Note]:
    rows = run.session.connection.execute(statement("read_notes"), {"note_ids": list(note_ids)}).fetchall()
    return [
        _Note(note_id, person_id, day, text, sensitivity, _sentences(text))
        for note_id, person_id, day, text, sensitivity in rows
    ]


def _sentences(note_text: str) -> list[Sentence]:
    """The note's sentences. A text without a word is one, so that its note counts as cut and its read is audited."""
    return split_sentences(note_text) or [Sentence(0, 0, len(note_text), note_text)]


def _vectors(run: _Run, notes: Sequence[_Note]) -> Mapping[str, HalfVector]:
    """Vectors of all sentences of these notes by text hash: remembered, stored, else from the model."""
    texts = {_sha256(sentence.text): sentence.text for note in notes for sentence in note.sentences}
    if len(run.vectors) > _REMEMBERED_SENTENCES:
        run.vectors = {}
    missing = [key for key in texts if key not in run.vectors]
    stored = run.session.connection.execute(
        statement("known_embeddings"),
        {"person_ids": sorted({note.person_id for note in notes}), "texts": missing, **run.identity},
    ).fetchall()
    run.vectors.update(stored)
    new = sorted(key for key in texts if key not in run.vectors)
    run.vectors.update(zip(new, run.encoder.encode([texts[key] for key in new]), strict=True))
    run.counts["embedded"] += len(new)
    return run.vectors


def _chunk_rows(
    note: _Note, vectors: Mapping[str, HalfVector], identity: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    note_sha256 = _sha256(note.text)
    for sentence in note.sentences:
        text_sha256 = _sha256(sentence.text)
        yield {
            "chunk_id": chunk_id(note.note_id, sentence),
            "note_id": note.note_id,
            "person_id": note.person_id,
            "sentence_number": sentence.number,
            "start_character": sentence.start,
            "end_character": sentence.end,
            "note_date": note.note_date,
            "note_sha256": note_sha256,
            "chunk_text": sentence.text,
            "text_sha256": text_sha256,
            "sensitivity": note.sensitivity,
            "embedding": vectors[text_sha256],
            **identity,
        }


def _audit(session: Session, chunks: Sequence[tuple[int, int]], details: Mapping[str, str]) -> None:
    """One event a person, for chunks given as (person_id, note_id)."""
    by_person: dict[int, list[int]] = defaultdict(list)
    for person_id, note_id in chunks:
        by_person[person_id].append(note_id)
    for person_id, note_ids in sorted(by_person.items()):
        session.record(
            action="embed",
            object_kind="omop.note",
            person_id=person_id,
            object_ids=sorted(set(note_ids)),
            row_count=len(note_ids),
            details=details,
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
