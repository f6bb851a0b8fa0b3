SELECT
    event.event_id AS condition_occurrence_id,
    event.person_id,
    event.concept_id AS condition_concept_id,
    event.start_date AS condition_start_date,
    event.start_datetime AS condition_start_datetime,
    event.end_date AS condition_end_date,
    event.end_datetime AS condition_end_datetime,
    coalesce(event.claim_type_concept_id, type_map.target_concept_id, 32817) AS condition_type_concept_id,
    CASE
        WHEN event.clinical_status = 'resolved' THEN 32906
        WHEN billed.diagnosis_type = 'principal' THEN 32902
        WHEN billed.diagnosis_type = 'secondary' THEN 32908
        ELSE 0
    END AS condition_status_concept_id,
    NULL::text AS stop_reason,
    event.provider_id,
    event.visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    event.source_value AS condition_source_value,
    event.source_concept_id AS condition_source_concept_id,
    left(coalesce(event.clinical_status, billed.diagnosis_type), 50) AS condition_status_source_value
FROM {{ ref('int_event') }} AS event
LEFT JOIN {{ source('bronze', 'claim_line') }} AS billed
    ON event.bronze_table = 'claim_line' AND event.bronze_key = billed.claim_line_key
LEFT JOIN {{ ref('source_to_concept_map') }} AS type_map
    ON type_map.source_vocabulary_id = 'condition-category' AND event.category = type_map.source_code
WHERE event.cdm_table = 'condition_occurrence'
