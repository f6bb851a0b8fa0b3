SELECT
    event.observation_key,
    event.person_key,
    coalesce(code.concept_id, 0) AS concept_id,
    event.observation_date,
    event.observation_datetime,
    32817 AS type_concept_id,
    NULL::numeric AS value_as_number,
    NULL::text AS value_as_string,
    code.value_as_concept_id,
    0 AS qualifier_concept_id,
    NULL::integer AS unit_concept_id,
    event.provider_key,
    event.visit_occurrence_key,
    NULL::bigint AS visit_detail_id,
    left(coalesce(code.source_code, event.code_text), 50) AS source_value,
    coalesce(code.source_concept_id, 0) AS source_concept_id,
    NULL::text AS unit_source_value,
    left(event.reason_text, 50) AS qualifier_source_value,
    NULL::text AS value_source_value,
    NULL::bigint AS observation_event_id,
    NULL::integer AS event_field_concept_id
FROM bronze.observation AS event
LEFT JOIN omop_intermediate.int_code AS code
    ON event.codings = code.codings AND (code.target_number = 1 OR event.kind = 'diagnostic-report')
