-- The person, date or labels of these notes changed, their text did not.
UPDATE retrieval.document_chunk AS chunk
SET
    person_id = note.person_id,
    note_date = note.note_date,
    sensitivity = coalesce((
        SELECT label.sensitivity FROM access.sensitive_row AS label
        WHERE label.cdm_table = 'note' AND label.cdm_id = note.note_id
    ), '{}')
FROM omop.note
WHERE note.note_id = chunk.note_id AND note.note_id = ANY(%(note_ids)s)
RETURNING chunk.person_id, chunk.note_id
