"""Sentences of notes as the embedder would have stored them, for tests that need no model."""

import hashlib

import psycopg


def add_chunk(
    superuser: psycopg.Connection, person_id: int, text: str, *, chunk_id: int, note_id: int = 1, sentence: int = 1
) -> str:
    """Store one sentence and give its hash; one that is there stays."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    superuser.execute(
        "INSERT INTO retrieval.document_chunk (chunk_id, note_id, person_id, sentence_number, start_character, "
        "end_character, note_date, note_sha256, chunk_text, text_sha256, chunking_version, embedding, sensitivity) "
        "VALUES (%s, %s, %s, %s, 0, 9, '2026-03-01', 'x', %s, %s, '1', array_fill(0.1, ARRAY[384])::halfvec, '{}') "
        "ON CONFLICT DO NOTHING",
        (chunk_id, note_id, person_id, sentence, text, sha256),
    )
    return sha256
