{{ config(meta={'dagster': {'ref': {'name': 'patient_timeline'}}}) }}
-- A row made of a labelled row carries its labels; a summary carries those of all that it is made of.
WITH
derived AS (
    SELECT
        'patient_timeline' AS feature,
        cdm_table,
        cdm_id,
        sensitivity
    FROM {{ ref('patient_timeline') }}
    UNION ALL
    SELECT
        'latest_measurement' AS feature,
        'measurement' AS cdm_table,
        measurement_id AS cdm_id,
        sensitivity
    FROM {{ ref('latest_measurement') }}
    UNION ALL
    SELECT
        'care_gap' AS feature,
        deciding.one ->> 'cdm_table' AS cdm_table,
        (deciding.one ->> 'cdm_id')::bigint AS cdm_id,
        gap.sensitivity
    FROM {{ ref('care_gap') }} AS gap
    CROSS JOIN LATERAL jsonb_array_elements(gap.deciding_rows) AS deciding (one)
    UNION ALL
    SELECT
        'care_gap' AS feature,
        'person' AS cdm_table,
        person_id AS cdm_id,
        sensitivity
    FROM {{ ref('care_gap') }}
    UNION ALL
    SELECT
        'risk_score' AS feature,
        deciding.one ->> 'cdm_table' AS cdm_table,
        (deciding.one ->> 'cdm_id')::bigint AS cdm_id,
        score.sensitivity
    FROM {{ ref('risk_score') }} AS score
    CROSS JOIN LATERAL jsonb_array_elements(score.deciding_rows) AS deciding (one)
    UNION ALL
    SELECT
        'risk_score' AS feature,
        'person' AS cdm_table,
        person_id AS cdm_id,
        sensitivity
    FROM {{ ref('risk_score') }}
    UNION ALL
    SELECT
        'known_visit' AS feature,
        'visit_occurrence' AS cdm_table,
        visit_id AS cdm_id,
        sensitivity
    FROM {{ ref('known_visit') }}
    UNION ALL
    SELECT
        'known_condition' AS feature,
        'condition_occurrence' AS cdm_table,
        condition_id AS cdm_id,
        sensitivity
    FROM {{ ref('known_condition') }}
    UNION ALL
    SELECT
        'known_drug' AS feature,
        'drug_exposure' AS cdm_table,
        drug_id AS cdm_id,
        sensitivity
    FROM {{ ref('known_drug') }}
    UNION ALL
    SELECT
        'known_measurement' AS feature,
        'measurement' AS cdm_table,
        measurement_id AS cdm_id,
        sensitivity
    FROM {{ ref('known_measurement') }}
    UNION ALL
    SELECT
        'measurement_trend' AS feature,
        'measurement' AS cdm_table,
        measurement_id AS cdm_id,
        sensitivity
    FROM {{ ref('measurement_trend') }}
    UNION ALL
    SELECT
        'readmission' AS feature,
        'visit_occurrence' AS cdm_table,
        index_visit_id AS cdm_id,
        sensitivity
    FROM {{ ref('readmission') }}
    UNION ALL
    SELECT
        'readmission' AS feature,
        'visit_occurrence' AS cdm_table,
        next_visit_id AS cdm_id,
        sensitivity
    FROM {{ ref('readmission') }}
    UNION ALL
    SELECT
        'person_feature' AS feature,
        'person' AS cdm_table,
        person_id AS cdm_id,
        sensitivity
    FROM {{ ref('person_feature') }}
),

-- What the wide table is made of beside.
part AS (
    SELECT
        person_id,
        as_of,
        'measurement' AS cdm_table,
        measurement_id AS cdm_id,
        sensitivity
    FROM {{ ref('measurement_trend') }}
    UNION ALL
    SELECT
        person_id,
        as_of,
        'visit_occurrence' AS cdm_table,
        index_visit_id AS cdm_id,
        sensitivity
    FROM {{ ref('readmission') }}
    UNION ALL
    SELECT
        person_id,
        as_of,
        'drug_exposure' AS cdm_table,
        NULL AS cdm_id,
        sensitivity
    FROM {{ ref('current_medication') }}
    UNION ALL
    SELECT
        person_id,
        as_of,
        'visit_occurrence' AS cdm_table,
        NULL AS cdm_id,
        sensitivity
    FROM {{ ref('utilisation') }}
)

SELECT
    derived.feature,
    derived.cdm_table,
    derived.cdm_id
FROM derived
INNER JOIN {{ ref('int_sensitive_row') }} AS label
    ON derived.cdm_table = label.cdm_table AND derived.cdm_id = label.cdm_id
WHERE NOT derived.sensitivity @> label.sensitivity
UNION ALL
SELECT
    'person_feature' AS feature,
    part.cdm_table,
    part.cdm_id
FROM {{ ref('person_feature') }} AS wide
INNER JOIN part ON wide.person_id = part.person_id AND wide.as_of = part.as_of
WHERE NOT wide.sensitivity @> part.sensitivity
UNION ALL
-- A claim is no row of the CDM.
SELECT
    'risk_score' AS feature,
    diagnosis.cdm_table,
    diagnosis.cdm_id
FROM {{ ref('risk_score') }} AS score
INNER JOIN {{ ref('stay_diagnosis') }} AS diagnosis ON score.person_id = diagnosis.person_id
INNER JOIN {{ ref('int_claim_label') }} AS label ON diagnosis.resource_key = label.resource_key
WHERE starts_with(score.risk_score_id, 'elixhauser_ahrq_') AND NOT score.sensitivity @> ARRAY[label.code]
UNION ALL
-- Every labelled condition of the problem list's day is on it under its labels, and under none without.
SELECT
    'problem_list' AS feature,
    'condition_occurrence' AS cdm_table,
    condition.condition_occurrence_id AS cdm_id
FROM {{ ref('condition_occurrence') }} AS condition
INNER JOIN {{ ref('int_sensitive_row') }} AS label
    ON label.cdm_table = 'condition_occurrence' AND condition.condition_occurrence_id = label.cdm_id
INNER JOIN {{ ref('problem_list') }} AS problem
    ON
        condition.person_id = problem.person_id
        AND condition.condition_concept_id = problem.condition_concept_id
        AND problem.sensitivity = '{}'
WHERE NOT EXISTS (
    SELECT 1
    FROM {{ ref('condition_occurrence') }} AS other
    WHERE
        condition.person_id = other.person_id
        AND condition.condition_concept_id = other.condition_concept_id
        AND NOT EXISTS (
            SELECT 1 FROM {{ ref('int_sensitive_row') }} AS hidden
            WHERE hidden.cdm_table = 'condition_occurrence' AND other.condition_occurrence_id = hidden.cdm_id
        )
)
