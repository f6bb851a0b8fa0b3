SELECT
    event.procedure_occurrence_key,
    event.person_key,
    coalesce(code.concept_id, 0) AS concept_id,
    event.procedure_date,
    event.procedure_datetime,
    event.procedure_end_date,
    event.procedure_end_datetime,
    32817 AS type_concept_id,
    0 AS modifier_concept_id,
    NULL::integer AS quantity,
    event.provider_key,
    event.visit_occurrence_key,
    NULL::bigint AS visit_detail_id,
    left(coalesce(code.source_code, event.code_text), 50) AS source_value,
    coalesce(code.source_concept_id, 0) AS source_concept_id,
    NULL::text AS modifier_source_value
FROM bronze.procedure_occurrence AS event
LEFT JOIN omop_intermediate.int_code AS code ON event.codings = code.codings
