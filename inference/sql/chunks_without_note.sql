-- Chunks whose note is gone or belongs to someone else.
SELECT count(*)
FROM retrieval.document_chunk AS chunk
WHERE NOT EXISTS (
    SELECT FROM omop.note AS note
    WHERE note.note_id = chunk.note_id AND note.person_id = chunk.person_id
)
