"""A person's sentences nearest to a question, served by SQL under a claim for that person.

Belongs here: the only way document text leaves the database for a reader or a model. The claim, the read and its
audit event are one transaction: without the event there is no answer.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from pgvector import HalfVector

from inference.encoder import Encoder
from inference.statements import statement
from resources import audit
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

_PURPOSE = "document-search"


@dataclass(frozen=True)
class Hit:
    """A sentence that was found; ``distance`` is 1 − cosine similarity, from 0 (the same) to 2."""

    chunk_id: int
    note_id: int
    note_date: date
    sentence: str
    distance: float

    @property
    def text_sha256(self) -> str:
        """SHA-256 of the sentence, as ``retrieval.document_chunk`` has it."""
        return hashlib.sha256(self.sentence.encode()).hexdigest()


def search(
    settings: Settings,
    database: Database,
    person_id: int,
    text: str,
    limit: int = 5,
    subject: str = "cli",
    role: Role = Role.INFER,
    encoder: Encoder | None = None,
) -> list[Hit]:
    """The person's sentences nearest in meaning to a text, nearest first.

    A repeated sentence is returned once, in its newest note. An unknown person gives no hits; that is audited
    too.

    Args:
        settings: names the embedding model.
        database: the warehouse.
        person_id: as in ``omop.person``; no one else's sentences can be seen.
        text: what to look for; it is neither stored nor logged.
        limit: at most so many hits.
        subject: who asks, for the audit log.
        role: login role of the reader: INFER or REVIEWER.
        encoder: a loaded embedding model, to ask more than once.

    Raises:
        inference.models.ModelError: the embedding model is missing or altered.
        resources.postgres.DatabaseUnavailableError: the database refused, or the audit event could not be written.
    """
    encoder = encoder or Encoder(settings)
    vectors = encoder.encode([text])
    with without_row_values(), database.connect(role) as connection:
        claim_person(connection, person_id, subject=subject, purpose=_PURPOSE)
        return nearest_sentences(
            connection, encoder, person_id, vectors, limit=limit, subject=subject, purpose=_PURPOSE
        )


def claim_person(connection: psycopg.Connection[Any], person_id: int, *, subject: str, purpose: str) -> None:
    """Let the open transaction see one person's documents and answers; the claim ends with it.

    The database writes the audit event of the claim itself, so nobody sees a document without one. What was read
    then has an event of its own.

    Args:
        connection: not in autocommit mode.
        person_id: as in ``omop.person``.
        subject: who reads.
        purpose: why.

    Raises:
        ValueError: the connection is in autocommit mode, where the claim would not reach the next statement.
        psycopg.Error: the event can't be written; there is no claim then.
    """
    if connection.autocommit:
        raise ValueError("a claim lives as long as a transaction: turn autocommit off")
    connection.execute("SELECT retrieval.claim(%s, %s, %s)", (person_id, subject, purpose))


def nearest_sentences(
    connection: psycopg.Connection[Any],
    encoder: Encoder,
    person_id: int,
    vectors: Sequence[HalfVector],
    *,
    limit: int,
    subject: str,
    purpose: str,
    from_date: date | None = None,
    to_date: date | None = None,
) -> list[Hit]:
    """The claimed person's sentences nearest to any of the vectors, with the audit event of reading them.

    Args:
        connection: a transaction in which ``claim_person`` was called; the caller commits it.
        encoder: whose vectors these are; chunks of another model are not compared.
        person_id: the claimed person.
        vectors: query vectors; the nearest counts.
        limit: at most so many hits.
        subject: who reads.
        purpose: why.
        from_date: leave out older notes.
        to_date: leave out newer notes.
    """
    rows = connection.execute(
        statement("nearest_sentences"),
        {
            "person_id": person_id,
            "model_sha256": encoder.files.sha256,
            "vectors": [vector.to_text() for vector in vectors],
            "from_date": from_date,
            "to_date": to_date,
            "limit": limit,
        },
    ).fetchall()
    hits = [Hit(*row) for row in rows]
    audit.record(
        connection,
        subject=subject,
        purpose=purpose,
        action="read",
        object_kind="retrieval.document_chunk",
        person_id=person_id,
        object_ids=[hit.chunk_id for hit in hits],
        row_count=len(hits),
        details={"model_sha256": encoder.files.sha256},
    )
    return hits
