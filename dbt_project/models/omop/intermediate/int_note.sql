-- A text that arrives both as a DocumentReference and as a report's presented form is one note: the first is kept.
SELECT
    note.note_key,
    note.resource_key,
    note.source_system,
    note.text_sha256,
    crosswalk.person_id,
    visit.visit_occurrence_id,
    provider.provider_id,
    coalesce(note.note_date, visit.visit_start_date) AS note_date,
    row_number() OVER (
        PARTITION BY
            crosswalk.person_id,
            visit.visit_occurrence_id,
            -- Without a visit the same words on two days are two notes.
            CASE WHEN visit.visit_occurrence_id IS NULL THEN note.note_date END,
            note.text_sha256
        ORDER BY (resource.resource_type <> 'DocumentReference'), note.note_date NULLS LAST, note.note_key
    ) AS copy_number
FROM {{ source('bronze', 'note') }} AS note
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON note.person_key = crosswalk.person_key
LEFT JOIN {{ source('bronze', 'resource') }} AS resource ON note.resource_key = resource.resource_key
LEFT JOIN {{ ref('int_visit') }} AS top ON note.visit_occurrence_key = top.visit_key
LEFT JOIN {{ ref('int_visit_occurrence') }} AS visit
    ON top.visit_occurrence_id = visit.visit_occurrence_id AND crosswalk.person_id = visit.person_id
LEFT JOIN {{ ref('int_provider_reference') }} AS provider_named ON note.provider_key = provider_named.reference_key
LEFT JOIN {{ ref('provider') }} AS provider
    ON coalesce(provider_named.provider_key, note.provider_key) = provider.provider_id
WHERE coalesce(note.note_date, visit.visit_start_date) IS NOT NULL
