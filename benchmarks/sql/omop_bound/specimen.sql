SELECT
    event.specimen_key,
    event.person_key,
    coalesce(code.concept_id, 0) AS concept_id,
    32817 AS type_concept_id,
    event.specimen_date,
    event.specimen_datetime,
    event.quantity,
    0 AS unit_concept_id,
    0 AS anatomic_site_concept_id,
    0 AS disease_status_concept_id,
    NULL::text AS specimen_source_id,
    left(coalesce(code.source_code, event.code_text), 50) AS source_value,
    left(coalesce(event.unit_source_value, event.unit_code), 50) AS unit_source_value,
    left(event.body_site_text, 50) AS anatomic_site_source_value,
    NULL::text AS disease_status_source_value
FROM bronze.specimen AS event
LEFT JOIN omop_intermediate.int_code AS code ON event.codings = code.codings AND code.target_number = 1
