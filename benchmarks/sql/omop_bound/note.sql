SELECT
    event.note_key,
    event.person_key,
    event.note_date,
    event.note_datetime,
    32831 AS type_concept_id,
    coalesce(code.concept_id, 0) AS class_concept_id,
    left(event.note_title, 250) AS note_title,
    event.note_text,
    32678 AS encoding_concept_id,
    4180186 AS language_concept_id,
    event.provider_key,
    event.visit_occurrence_key,
    NULL::bigint AS visit_detail_id,
    left(code.source_code, 50) AS source_value,
    NULL::bigint AS note_event_id,
    NULL::integer AS event_field_concept_id
FROM bronze.note AS event
LEFT JOIN omop_intermediate.int_code AS code ON event.type_codings = code.codings AND code.target_number = 1
