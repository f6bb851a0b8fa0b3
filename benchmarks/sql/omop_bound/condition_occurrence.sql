SELECT
    event.condition_occurrence_key,
    event.person_key,
    coalesce(code.concept_id, 0) AS concept_id,
    event.condition_start_date,
    event.condition_start_datetime,
    event.condition_end_date,
    event.condition_end_datetime,
    32817 AS type_concept_id,
    0 AS status_concept_id,
    NULL::text AS stop_reason,
    event.provider_key,
    event.visit_occurrence_key,
    NULL::bigint AS visit_detail_id,
    left(coalesce(code.source_code, event.code_text), 50) AS source_value,
    coalesce(code.source_concept_id, 0) AS source_concept_id,
    left(event.clinical_status, 50) AS status_source_value
FROM bronze.condition_occurrence AS event
LEFT JOIN omop_intermediate.int_code AS code ON event.codings = code.codings
