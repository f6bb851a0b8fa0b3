SELECT
    event_id AS procedure_occurrence_id,
    person_id,
    concept_id AS procedure_concept_id,
    start_date AS procedure_date,
    start_datetime AS procedure_datetime,
    end_date AS procedure_end_date,
    end_datetime AS procedure_end_datetime,
    coalesce(claim_type_concept_id, 32817) AS procedure_type_concept_id,
    0 AS modifier_concept_id,
    NULL::integer AS quantity,
    provider_id,
    visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    source_value AS procedure_source_value,
    source_concept_id AS procedure_source_concept_id,
    NULL::text AS modifier_source_value
FROM {{ ref('int_event') }}
WHERE cdm_table = 'procedure_occurrence'
