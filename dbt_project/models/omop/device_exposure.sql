SELECT
    event.event_id AS device_exposure_id,
    event.person_id,
    event.concept_id AS device_concept_id,
    event.start_date AS device_exposure_start_date,
    event.start_datetime AS device_exposure_start_datetime,
    event.end_date AS device_exposure_end_date,
    event.end_datetime AS device_exposure_end_datetime,
    coalesce(event.claim_type_concept_id, 32817) AS device_type_concept_id,
    left(coalesce(used.unique_device_id, device.unique_device_id), 255) AS unique_device_id,
    left(coalesce(used.production_id, device.production_id), 255) AS production_id,
    NULL::integer AS quantity,
    event.provider_id,
    event.visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    event.source_value AS device_source_value,
    event.source_concept_id AS device_source_concept_id,
    NULL::integer AS unit_concept_id,
    NULL::text AS unit_source_value,
    NULL::integer AS unit_source_concept_id
FROM {{ ref('int_event') }} AS event
LEFT JOIN {{ source('bronze', 'device_exposure') }} AS used
    ON event.bronze_table = 'device_exposure' AND event.bronze_key = used.device_exposure_key
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON used.device_key = alias.alias_key
LEFT JOIN {{ source('bronze', 'device') }} AS device
    ON coalesce(alias.resource_key, used.device_key) = device.device_key
WHERE event.cdm_table = 'device_exposure'
