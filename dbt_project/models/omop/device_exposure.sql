SELECT
    event_id AS device_exposure_id,
    person_id,
    concept_id AS device_concept_id,
    start_date AS device_exposure_start_date,
    start_datetime AS device_exposure_start_datetime,
    end_date AS device_exposure_end_date,
    end_datetime AS device_exposure_end_datetime,
    32817 AS device_type_concept_id,
    NULL::text AS unique_device_id,
    NULL::text AS production_id,
    NULL::integer AS quantity,
    provider_id,
    visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    source_value AS device_source_value,
    source_concept_id AS device_source_concept_id,
    NULL::integer AS unit_concept_id,
    NULL::text AS unit_source_value,
    NULL::integer AS unit_source_concept_id
FROM {{ ref('int_event') }}
WHERE cdm_table = 'device_exposure'
