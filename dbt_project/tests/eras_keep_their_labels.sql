{{ config(meta={'dagster': {'ref': {'name': 'int_era'}}}) }}
-- Under its labels, and under no others, every condition and every ingredient given is counted in an era, once.
WITH
record AS (
    SELECT
        'condition_era' AS cdm_table,
        condition.person_id,
        condition.condition_concept_id AS concept_id,
        coalesce(label.sensitivity, '{}') AS sensitivity,
        count(*) AS records
    FROM {{ ref('condition_occurrence') }} AS condition
    LEFT JOIN {{ ref('int_sensitive_row') }} AS label
        ON label.cdm_table = 'condition_occurrence' AND condition.condition_occurrence_id = label.cdm_id
    WHERE condition.condition_concept_id > 0
    GROUP BY condition.person_id, condition.condition_concept_id, label.sensitivity
    UNION ALL
    SELECT
        'drug_era' AS cdm_table,
        drug.person_id,
        drug.drug_concept_id AS concept_id,
        coalesce(label.sensitivity, '{}') AS sensitivity,
        count(*) AS records
    FROM {{ ref('drug_exposure') }} AS drug
    INNER JOIN {{ source('vocab', 'concept') }} AS ingredient
        ON drug.drug_concept_id = ingredient.concept_id AND ingredient.concept_class_id = 'Ingredient'
    LEFT JOIN {{ ref('int_sensitive_row') }} AS label
        ON label.cdm_table = 'drug_exposure' AND drug.drug_exposure_id = label.cdm_id
    GROUP BY drug.person_id, drug.drug_concept_id, label.sensitivity
),

era AS (
    SELECT
        era.cdm_table,
        era.person_id,
        era.concept_id,
        coalesce(label.sensitivity, '{}') AS sensitivity,
        sum(era.records) AS records
    FROM (
        SELECT
            'condition_era' AS cdm_table,
            condition_era_id AS cdm_id,
            person_id,
            condition_concept_id AS concept_id,
            condition_occurrence_count AS records
        FROM {{ ref('condition_era') }}
        UNION ALL
        SELECT
            'drug_era' AS cdm_table,
            drug_era_id AS cdm_id,
            person_id,
            drug_concept_id AS concept_id,
            drug_exposure_count AS records
        FROM {{ ref('drug_era') }}
    ) AS era
    LEFT JOIN {{ source('access', 'sensitive_row') }} AS label
        ON era.cdm_table = label.cdm_table AND era.cdm_id = label.cdm_id
    GROUP BY era.cdm_table, era.person_id, era.concept_id, label.sensitivity
)

SELECT
    record.cdm_table,
    record.person_id,
    record.concept_id
FROM record
LEFT JOIN era
    ON
        record.cdm_table = era.cdm_table
        AND record.person_id = era.person_id
        AND record.concept_id = era.concept_id
        AND record.sensitivity = era.sensitivity
WHERE
    -- Other drugs may have the ingredient too.
    coalesce(era.records, 0) < record.records
    OR (record.cdm_table = 'condition_era' AND era.records > record.records)
