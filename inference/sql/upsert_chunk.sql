INSERT INTO retrieval.document_chunk (
    chunk_id, note_id, person_id, sentence_number, start_character, end_character, note_date, note_sha256,
    chunk_text, text_sha256, sensitivity, chunking_version, embedding, model_sha256
)
VALUES (
    %(chunk_id)s, %(note_id)s, %(person_id)s, %(sentence_number)s, %(start_character)s, %(end_character)s,
    %(note_date)s, %(note_sha256)s, %(chunk_text)s, %(text_sha256)s, %(sensitivity)s, %(chunking_version)s, %(embedding)s,
    %(model_sha256)s
)
ON CONFLICT (chunk_id) DO UPDATE SET
    person_id = excluded.person_id,
    start_character = excluded.start_character,
    end_character = excluded.end_character,
    note_date = excluded.note_date,
    note_sha256 = excluded.note_sha256,
    sensitivity = excluded.sensitivity,
    chunking_version = excluded.chunking_version,
    embedding = excluded.embedding,
    model_sha256 = excluded.model_sha256
