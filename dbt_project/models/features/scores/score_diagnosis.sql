-- Diagnoses that somebody recorded, as the scores read them: by their ICD-10-CM code, else by their standard concept.
WITH
diagnosis AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        source.start_date,
        source.concept_id,
        coding.code
    FROM {{ ref('event_source') }} AS source
    LEFT JOIN {{ ref('event_coding') }} AS coding
        ON
            source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
            AND coding.system = 'http://hl7.org/fhir/sid/icd-10-cm'
    WHERE
        source.bronze_table = 'condition_occurrence'
        AND source.start_date <= {{ as_of() }}
        AND coalesce(source.verification_status, 'confirmed') IN ('confirmed', 'unconfirmed')
),

code_in_use AS (
    SELECT DISTINCT code
    FROM diagnosis
    WHERE code IS NOT NULL
),

code_category AS (
    SELECT DISTINCT
        code_in_use.code,
        score_code.risk_score_id,
        score_code.category
    FROM code_in_use
    INNER JOIN {{ ref('score_code') }} AS score_code
        ON
            left(code_in_use.code, 3) = left(score_code.code_prefix, 3)
            AND starts_with(code_in_use.code, score_code.code_prefix)
),

score AS (
    SELECT DISTINCT risk_score_id
    FROM {{ ref('score_code') }}
),

known_concept AS (
    SELECT DISTINCT concept_id
    FROM {{ ref('score_concept') }}
),

-- Of a concept that no ICD-10-CM code leads to no score knows anything.
unreached AS (
    SELECT
        diagnosis.person_id,
        score.risk_score_id,
        diagnosis.cdm_table,
        diagnosis.cdm_id,
        diagnosis.start_date
    FROM diagnosis
    CROSS JOIN score
    LEFT JOIN known_concept ON diagnosis.concept_id = known_concept.concept_id
    WHERE diagnosis.code IS NULL AND known_concept.concept_id IS NULL
)

SELECT
    diagnosis.person_id,
    code_category.risk_score_id,
    code_category.category,
    diagnosis.cdm_table,
    diagnosis.cdm_id,
    diagnosis.start_date
FROM diagnosis
INNER JOIN code_category ON diagnosis.code = code_category.code
UNION
SELECT
    diagnosis.person_id,
    known.risk_score_id,
    known.category,
    diagnosis.cdm_table,
    diagnosis.cdm_id,
    diagnosis.start_date
FROM diagnosis
INNER JOIN {{ ref('score_concept') }} AS known ON diagnosis.concept_id = known.concept_id
WHERE diagnosis.code IS NULL AND (known.category IS NOT NULL OR NOT known.is_judged)
UNION
SELECT
    person_id,
    risk_score_id,
    NULL AS category,
    cdm_table,
    cdm_id,
    start_date
FROM unreached
