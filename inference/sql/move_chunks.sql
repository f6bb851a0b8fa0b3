-- The person or date of these notes changed, their text did not.
UPDATE retrieval.document_chunk AS chunk
SET person_id = note.person_id, note_date = note.note_date
FROM omop.note
WHERE note.note_id = chunk.note_id AND note.note_id = ANY(%(note_ids)s)
RETURNING chunk.person_id, chunk.note_id
