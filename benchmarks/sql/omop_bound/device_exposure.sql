SELECT
    event.device_exposure_key,
    event.person_key,
    coalesce(code.concept_id, 0) AS concept_id,
    event.device_exposure_start_date,
    event.device_exposure_start_datetime,
    event.device_exposure_end_date,
    event.device_exposure_end_datetime,
    32817 AS type_concept_id,
    left(event.unique_device_id, 255) AS unique_device_id,
    left(event.production_id, 255) AS production_id,
    NULL::integer AS quantity,
    event.provider_key,
    event.visit_occurrence_key,
    NULL::bigint AS visit_detail_id,
    left(coalesce(code.source_code, event.code_text), 50) AS source_value,
    coalesce(code.source_concept_id, 0) AS source_concept_id,
    NULL::integer AS unit_concept_id,
    NULL::text AS unit_source_value,
    NULL::integer AS unit_source_concept_id
FROM bronze.device_exposure AS event
LEFT JOIN omop_intermediate.int_code AS code ON event.codings = code.codings
