SELECT
    cdm_id AS drug_era_id,
    person_id,
    concept_id AS drug_concept_id,
    start_date AS drug_era_start_date,
    end_date AS drug_era_end_date,
    records AS drug_exposure_count,
    gap_days
FROM {{ ref('int_era') }}
WHERE cdm_table = 'drug_era'
