SELECT
    event.event_id AS measurement_id,
    event.person_id,
    event.concept_id AS measurement_concept_id,
    event.start_date AS measurement_date,
    event.start_datetime AS measurement_datetime,
    to_char(event.start_datetime, 'HH24:MI:SS') AS measurement_time,
    coalesce(event.claim_type_concept_id, type_map.target_concept_id, 32817) AS measurement_type_concept_id,
    operator.target_concept_id AS operator_concept_id,
    measured.value_number AS value_as_number,
    -- How a result is judged is its value where it has no other.
    coalesce(
        value_code.concept_id,
        event.value_as_concept_id,
        value_flag.target_concept_id,
        CASE WHEN measured.value_number IS NULL AND measured.value_text IS NULL THEN judgement.target_concept_id END
    ) AS value_as_concept_id,
    unit.unit_concept_id,
    measured.range_low,
    measured.range_high,
    event.provider_id,
    event.visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    event.source_value AS measurement_source_value,
    event.source_concept_id AS measurement_source_concept_id,
    left(coalesce(measured.unit_source_value, measured.unit_code), 50) AS unit_source_value,
    unit.unit_source_concept_id,
    left(coalesce(value_code.source_code, measured.value_text), 50) AS value_source_value,
    NULL::bigint AS measurement_event_id,
    NULL::integer AS meas_event_field_concept_id
FROM {{ ref('int_event') }} AS event
LEFT JOIN {{ source('bronze', 'measurement') }} AS measured
    ON event.bronze_table = 'measurement' AND event.bronze_key = measured.measurement_key
LEFT JOIN {{ ref('int_code') }} AS value_code
    ON measured.value_codings = value_code.codings AND value_code.target_number = 1
LEFT JOIN {{ ref('int_unit') }} AS unit ON coalesce(measured.unit_code, measured.unit_source_value) = unit.unit
LEFT JOIN {{ ref('source_to_concept_map') }} AS operator
    ON operator.source_vocabulary_id = 'quantity-comparator' AND measured.value_operator = operator.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS value_flag
    ON
        value_flag.source_vocabulary_id = 'observation-boolean'
        AND measured.value_boolean::text = value_flag.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS judgement
    ON
        judgement.source_vocabulary_id = 'observation-interpretation'
        AND measured.interpretation_codings -> 0 ->> 'code' = judgement.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS type_map
    ON
        type_map.source_vocabulary_id = 'observation-category'
        AND {{ category_by_who_reported() }} = type_map.source_code
WHERE event.cdm_table = 'measurement'
