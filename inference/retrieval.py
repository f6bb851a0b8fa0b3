"""A person's sentences nearest to a question, served by SQL under a claim for that person.

Belongs here: the only way document text leaves the database for a reader or a model. The claim is on record before the
read, and the read and its audit event are one transaction: without the event there is no answer.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pgvector import HalfVector

from inference.encoder import Encoder
from inference.statements import statement
from resources.identity.identity import Identity
from resources.identity.session import Session, open_session, reading
from resources.postgres import Database
from resources.settings import Settings


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
    identity: Identity,
    person_id: int,
    text: str,
    limit: int = 5,
    purpose: str | None = None,
    encoder: Encoder | None = None,
) -> list[Hit]:
    """The person's sentences nearest in meaning to a text, nearest first.

    A repeated sentence is returned once, in its newest note. Who may see everyone gets no hits for an unknown person;
    that is audited too.

    Args:
        settings: names the embedding model.
        database: the warehouse.
        identity: who asks.
        person_id: as in ``omop.person``; no one else's sentences can be seen.
        text: what to look for; it is neither stored nor logged.
        limit: at most so many hits.
        purpose: why; default: the identity's first purpose.
        encoder: a loaded embedding model, to ask more than once.

    Raises:
        inference.models.ModelError: the embedding model is missing or altered.
        resources.identity.session.AccessDeniedError: the caller may not see this person.
        resources.postgres.DatabaseUnavailableError: the database refused, or an audit event could not be written.
    """
    encoder = encoder or Encoder(settings)
    vectors = encoder.encode([text])
    with open_session(settings, database, identity, purpose) as session, reading(session, person_id):
        return nearest_sentences(session, encoder, person_id, vectors, limit=limit)


def nearest_sentences(
    session: Session,
    encoder: Encoder,
    person_id: int,
    vectors: Sequence[HalfVector],
    *,
    limit: int,
    from_date: date | None = None,
    to_date: date | None = None,
) -> list[Hit]:
    """The person's sentences nearest to any of the vectors, with the audit event of reading them.

    Args:
        session: in a transaction that was entered with this person; the caller commits it.
        encoder: whose vectors these are; chunks of another model are not compared.
        person_id: the claimed person.
        vectors: query vectors; the nearest counts.
        limit: at most so many hits.
        from_date: leave out older notes.
        to_date: leave out newer notes.
    """
    rows = session.connection.execute(
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
    session.record(
        action="read",
        object_kind="retrieval.document_chunk",
        person_id=person_id,
        object_ids=[hit.chunk_id for hit in hits],
        row_count=len(hits),
        details={"model_sha256": encoder.files.sha256},
    )
    return hits
