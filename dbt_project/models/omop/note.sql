{{ config(post_hook="{{ record_read('bronze.note') }}") }}
SELECT
    kept.note_key AS note_id,
    kept.person_id,
    kept.note_date,
    note.note_datetime,
    coalesce(type_map.target_concept_id, 32831) AS note_type_concept_id,
    coalesce(class.concept_id, 0) AS note_class_concept_id,
    left(note.note_title, 250) AS note_title,
    note.note_text,
    32678 AS encoding_concept_id,
    4180186 AS language_concept_id,
    kept.provider_id,
    kept.visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    left(class.source_code, 50) AS note_source_value,
    NULL::bigint AS note_event_id,
    NULL::integer AS note_event_field_concept_id
FROM {{ ref('int_note') }} AS kept
-- A text that changed since waits for its labels.
INNER JOIN {{ source('bronze', 'note') }} AS note
    ON kept.note_key = note.note_key AND kept.text_sha256 = note.text_sha256
LEFT JOIN {{ ref('int_code') }} AS class ON note.type_codings = class.codings AND class.target_number = 1
LEFT JOIN {{ ref('source_to_concept_map') }} AS type_map
    ON type_map.source_vocabulary_id = 'note-type' AND class.source_code = type_map.source_code
WHERE kept.copy_number = 1
