SELECT
    event.visit_occurrence_key,
    event.person_key,
    coalesce(map.target_concept_id, 0) AS concept_id,
    event.visit_start_date,
    event.visit_start_datetime,
    coalesce(event.visit_end_date, event.visit_start_date) AS visit_end_date,
    event.visit_end_datetime,
    32827 AS type_concept_id,
    event.provider_key,
    event.care_site_key,
    left(event.class_code, 50) AS source_value,
    0 AS source_concept_id,
    0 AS admitted_from_concept_id,
    left(event.admitted_from_source_value, 50) AS admitted_from_source_value,
    0 AS discharged_to_concept_id,
    left(event.discharged_to_source_value, 50) AS discharged_to_source_value,
    NULL::bigint AS preceding_visit_occurrence_id
FROM bronze.visit_occurrence AS event
LEFT JOIN omop.source_to_concept_map AS map
    ON map.source_vocabulary_id = 'ActEncounterCode' AND event.class_code = map.source_code
