"""One person's nearest sentences, against the bound: the same search without claim, row security and audit event."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from benchmarks.table import Table
from inference.encoder import Encoder
from inference.models import EMBEDDING_DIMENSIONS
from inference.retrieval import nearest_sentences
from inference.statements import statement
from resources.identity.session import Session, open_service_session
from resources.postgres import Database, Role
from resources.settings import Settings

PERSONS = 200
SENTENCES_EACH = 100
QUERIES = 200
NEAREST = 8
_INSERT = (
    "INSERT INTO retrieval.document_chunk (chunk_id, note_id, person_id, sentence_number, start_character, "
    "end_character, note_date, note_sha256, chunk_text, text_sha256, chunking_version, embedding, "
    "model_sha256, sensitivity) "
    "VALUES (%s, %s, %s, 0, 0, 10, DATE '2026-01-01', '', %s, %s, 'benchmark', %s, %s, '{}')"
)
_HNSW = (
    "SELECT chunk_id FROM retrieval.document_chunk WHERE person_id = %s "
    "ORDER BY embedding OPERATOR(public.<=>) %s::public.halfvec(384) LIMIT %s"
)


def run(settings: Settings, database: Database) -> Table:
    """95th percentile of the time to answer, in milliseconds, over people and questions drawn at random."""
    encoder = Encoder(settings)
    drawn = np.random.default_rng(7)
    _fill(settings, database, encoder.files.sha256, drawn)
    asked = [
        (int(person), HalfVector(vector))
        for person, vector in zip(drawn.integers(1, PERSONS + 1, QUERIES), _vectors(drawn, QUERIES), strict=True)
    ]
    found: dict[str, list[set[int]]] = {}

    def measure(name: str, service: str, ask: Callable[[Session, int, HalfVector], set[int]]) -> float:
        seconds = []
        with open_service_session(settings, database, service) as session:
            # The bound and its peer read in one transaction, entered once; Sanctum's search begins its own.
            session.enter()
            # Warm: plans, and the pages that any of the ways reads.
            for person, vector in asked[:20]:
                ask(session, person, vector)
            for person, vector in asked:
                started = time.perf_counter()
                found.setdefault(name, []).append(ask(session, person, vector))
                seconds.append(time.perf_counter() - started)
        return float(np.percentile(seconds, 95) * 1000)

    def exact(session: Session, person: int, vector: HalfVector) -> set[int]:
        parameters = {
            "person_id": person,
            "model_sha256": encoder.files.sha256,
            "vectors": [vector.to_text()],
            "from_date": None,
            "to_date": None,
            "limit": NEAREST,
        }
        return {row[0] for row in session.connection.execute(statement("nearest_sentences"), parameters).fetchall()}

    def hnsw(session: Session, person: int, vector: HalfVector) -> set[int]:
        session.connection.execute("SET LOCAL enable_sort = off")
        rows = session.connection.execute(_HNSW, (person, vector.to_text(), NEAREST)).fetchall()
        return {row[0] for row in rows}

    def guarded(session: Session, person: int, vector: HalfVector) -> set[int]:
        session.claim([person])
        session.enter(person)
        hits = nearest_sentences(session, encoder, person, [vector], limit=NEAREST)
        session.connection.commit()
        return {hit.chunk_id for hit in hits}

    bound = measure("bound", "embedder", exact)
    whole_index = measure("hnsw", "embedder", hnsw)
    sanctum = measure("sanctum", "evaluator", guarded)
    right = {name: _recall(found["bound"], answers) for name, answers in found.items()}
    table = Table(f"A person's {NEAREST} nearest sentences among {PERSONS * SENTENCES_EACH:,}", "ms, 95th percentile")
    table.add("bound: exact search of the person's chunks, no claim, no row security, no audit", bound)
    table.add(
        f"sanctum search: claim committed, row security, audit event committed (recall {right['sanctum']:.2f})", sanctum
    )
    table.add(f"pgvector's HNSW index, filtered by person afterwards (recall {right['hnsw']:.2f})", whole_index)
    return table


def _recall(wanted: list[set[int]], answers: list[set[int]]) -> float:
    return float(np.mean([len(want & answer) / len(want) for want, answer in zip(wanted, answers, strict=True)]))


def _vectors(drawn: np.random.Generator, number: int) -> "np.ndarray[Any, Any]":
    vectors: np.ndarray[Any, Any] = drawn.standard_normal((number, EMBEDDING_DIMENSIONS), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _fill(settings: Settings, database: Database, model_sha256: str, drawn: np.random.Generator) -> None:
    with open_service_session(settings, database, "embedder") as session:
        connection = session.connection
        register_vector(connection)
        connection.commit()
        session.enter()
        for person in range(1, PERSONS + 1):
            keys = range(person * 1000, person * 1000 + SENTENCES_EACH)
            vectors = map(HalfVector, _vectors(drawn, SENTENCES_EACH))
            rows = [
                (key, key, person, f"Sentence {key}.", str(key), vector, model_sha256)
                for key, vector in zip(keys, vectors, strict=True)
            ]
            connection.cursor().executemany(_INSERT, rows)
        connection.commit()
    with database.connect(Role.OWNER, autocommit=True) as connection:
        connection.execute("ANALYZE retrieval.document_chunk")
