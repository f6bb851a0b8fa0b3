SELECT
    cdm_id AS dose_era_id,
    person_id,
    concept_id AS drug_concept_id,
    unit_concept_id,
    dose_value,
    start_date AS dose_era_start_date,
    end_date AS dose_era_end_date
FROM {{ ref('int_era') }}
WHERE cdm_table = 'dose_era'
