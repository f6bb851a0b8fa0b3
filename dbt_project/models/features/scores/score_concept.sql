-- How a source that codes diagnoses otherwise than in ICD-10-CM is reached through the vocabulary: a standard concept
-- belongs to a comorbidity if every ICD-10-CM code that maps to it does, and to none if none does. If some of its codes
-- do and others not, it can't be judged.
WITH
icd10 AS (
    SELECT
        concept.concept_id AS source_concept_id,
        concept.concept_code,
        link.concept_id_2 AS concept_id
    FROM {{ source('vocab', 'concept') }} AS concept
    INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
        ON concept.concept_id = link.concept_id_1 AND link.relationship_id = 'Maps to' AND link.invalid_reason IS NULL
    WHERE concept.vocabulary_id = 'ICD10CM'
),

reached AS (
    SELECT
        concept_id,
        count(DISTINCT source_concept_id) AS codes
    FROM icd10
    GROUP BY concept_id
),

member AS (
    SELECT
        icd10.concept_id,
        score_code.risk_score_id,
        score_code.category,
        count(DISTINCT icd10.source_concept_id) AS codes
    FROM icd10
    INNER JOIN {{ ref('score_code') }} AS score_code
        -- The first three characters are what a hash can find.
        ON
            left(icd10.concept_code, 3) = left(score_code.code_prefix, 3)
            AND starts_with(icd10.concept_code, score_code.code_prefix)
    GROUP BY icd10.concept_id, score_code.risk_score_id, score_code.category
),

score AS (
    SELECT DISTINCT risk_score_id
    FROM {{ ref('score_code') }}
)

SELECT DISTINCT
    score.risk_score_id,
    reached.concept_id,
    CASE WHEN member.codes = reached.codes THEN member.category END AS category,
    coalesce(member.codes = reached.codes, TRUE) AS is_judged
FROM reached
CROSS JOIN score
LEFT JOIN member ON score.risk_score_id = member.risk_score_id AND reached.concept_id = member.concept_id
