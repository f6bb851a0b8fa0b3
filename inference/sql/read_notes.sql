-- Notes to be cut, with the labels that each of their sentences inherits.
SELECT
    note_id,
    person_id,
    note_date,
    note_text,
    coalesce((
        SELECT label.sensitivity FROM access.sensitive_row AS label
        WHERE label.cdm_table = 'note' AND label.cdm_id = note.note_id
    ), '{}') AS sensitivity
FROM omop.note
WHERE note_id = ANY(%(note_ids)s)
ORDER BY person_id, note_id
