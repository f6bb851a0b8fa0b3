SELECT
    cdm_id AS condition_era_id,
    person_id,
    concept_id AS condition_concept_id,
    start_date AS condition_era_start_date,
    end_date AS condition_era_end_date,
    records AS condition_occurrence_count
FROM {{ ref('int_era') }}
WHERE cdm_table = 'condition_era'
