-- Every note that holds text, and whether its chunks are as it is: kept, moved (only its person, date or labels changed) or stale.
-- The hash is taken here, so that the text of an unchanged note never leaves the database.
WITH
note AS (
    SELECT
        note_id,
        person_id,
        note_date,
        encode(sha256(convert_to(note_text, 'UTF8')), 'hex') AS note_sha256,
        coalesce((
        SELECT label.sensitivity FROM access.sensitive_row AS label
        WHERE label.cdm_table = 'note' AND label.cdm_id = note.note_id
    ), '{}') AS sensitivity
    FROM omop.note
    WHERE note_text ~ '[^[:space:]]'
),

indexed AS (
    SELECT
        note_id,
        min(note_sha256) AS note_sha256,
        min(person_id) AS person_id,
        min(note_date) AS note_date,
        min(sensitivity) AS sensitivity,
        bool_and(model_sha256 = %(model_sha256)s AND chunking_version = %(chunking_version)s) AS is_current,
        count(*) AS chunks
    FROM retrieval.document_chunk
    GROUP BY note_id
)

SELECT
    note.note_id,
    CASE
        WHEN indexed.is_current IS NOT TRUE OR indexed.note_sha256 <> note.note_sha256 THEN 'stale'
        WHEN
            indexed.person_id <> note.person_id
            OR indexed.note_date <> note.note_date
            OR indexed.sensitivity <> note.sensitivity
            THEN 'moved'
        ELSE 'kept'
    END AS state,
    coalesce(indexed.chunks, 0) AS chunks
FROM note
LEFT JOIN indexed USING (note_id)
ORDER BY note.person_id, note.note_id
