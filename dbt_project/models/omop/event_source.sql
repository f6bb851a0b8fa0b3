SELECT
    event.cdm_table,
    event.event_id AS cdm_id,
    event.person_id,
    event.visit_occurrence_id,
    event.resource_key,
    event.bronze_table,
    event.bronze_key,
    event.source_system,
    event.status,
    event.category,
    event.clinical_status,
    event.verification_status,
    event.intent,
    event.kind,
    event.start_date,
    event.start_datetime,
    event.end_date,
    event.end_datetime,
    event.known_at,
    event.codings,
    measured.parent_measurement_key,
    measured.value_text
FROM {{ ref('int_event') }} AS event
LEFT JOIN {{ source('bronze', 'measurement') }} AS measured
    ON event.bronze_table = 'measurement' AND event.bronze_key = measured.measurement_key
UNION ALL
SELECT
    'visit_occurrence' AS cdm_table,
    omop.visit_occurrence_id AS cdm_id,
    omop.person_id,
    omop.visit_occurrence_id,
    visit.resource_key,
    'visit_occurrence' AS bronze_table,
    visit.visit_occurrence_key AS bronze_key,
    visit.source_system,
    visit.status,
    NULL AS category,
    NULL AS clinical_status,
    NULL AS verification_status,
    NULL AS intent,
    visit.class_code AS kind,
    omop.visit_start_date AS start_date,
    omop.visit_start_datetime AS start_datetime,
    visit.visit_end_date AS end_date,
    visit.visit_end_datetime AS end_datetime,
    visit.known_at,
    visit.type_codings AS codings,
    NULL AS parent_measurement_key,
    NULL AS value_text
FROM {{ ref('visit_occurrence') }} AS omop
INNER JOIN {{ source('bronze', 'visit_occurrence') }} AS visit ON omop.visit_occurrence_id = visit.visit_occurrence_key
UNION ALL
SELECT
    'note' AS cdm_table,
    omop.note_id AS cdm_id,
    omop.person_id,
    omop.visit_occurrence_id,
    note.resource_key,
    'note' AS bronze_table,
    note.note_key AS bronze_key,
    note.source_system,
    NULL AS status,
    NULL AS category,
    NULL AS clinical_status,
    NULL AS verification_status,
    NULL AS intent,
    NULL AS kind,
    omop.note_date AS start_date,
    omop.note_datetime AS start_datetime,
    NULL AS end_date,
    NULL AS end_datetime,
    note.known_at,
    note.type_codings AS codings,
    NULL AS parent_measurement_key,
    NULL AS value_text
FROM {{ ref('note') }} AS omop
INNER JOIN {{ source('bronze', 'note') }} AS note ON omop.note_id = note.note_key
