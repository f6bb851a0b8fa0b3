-- Chunks of notes that are no longer there, or hold no text any more.
DELETE FROM retrieval.document_chunk AS chunk
WHERE NOT EXISTS (SELECT 1 FROM omop.note WHERE note.note_id = chunk.note_id AND note.note_text ~ '[^[:space:]]')
RETURNING chunk.person_id, chunk.note_id
