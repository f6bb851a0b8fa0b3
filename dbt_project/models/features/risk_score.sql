-- Charlson comorbidity score with the weights of Quan et al. 2011 over the ICD-10 codes of Quan et al. 2005.
-- A source that codes otherwise is reached through the vocabulary: a standard concept belongs to a category if every
-- ICD-10-CM code that maps to it does.
WITH
icd10 AS (
    SELECT
        concept.concept_id,
        concept.concept_code,
        charlson.category
    FROM {{ source('vocab', 'concept') }} AS concept
    LEFT JOIN {{ ref('charlson_code') }} AS charlson ON starts_with(concept.concept_code, charlson.code_prefix)
    WHERE concept.vocabulary_id = 'ICD10CM'
),

concept_category AS (
    SELECT
        link.concept_id_2 AS concept_id,
        min(icd10.category) AS category
    FROM icd10
    INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
        ON icd10.concept_id = link.concept_id_1 AND link.relationship_id = 'Maps to' AND link.invalid_reason IS NULL
    GROUP BY link.concept_id_2
    HAVING bool_and(icd10.category IS NOT NULL) AND count(DISTINCT icd10.category) = 1
),

-- A concept that some of its codes put into a category and others not can't be judged.
judged_concept AS (
    SELECT link.concept_id_2 AS concept_id
    FROM icd10
    INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
        ON icd10.concept_id = link.concept_id_1 AND link.relationship_id = 'Maps to' AND link.invalid_reason IS NULL
    GROUP BY link.concept_id_2
    HAVING
        bool_and(icd10.category IS NULL)
        OR (bool_and(icd10.category IS NOT NULL) AND count(DISTINCT icd10.category) = 1)
),

code_category AS (
    SELECT DISTINCT
        coding.code,
        charlson.category
    FROM (
        SELECT DISTINCT code
        FROM {{ ref('event_coding') }}
        WHERE system = 'http://hl7.org/fhir/sid/icd-10-cm' AND code IS NOT NULL
    ) AS coding
    INNER JOIN {{ ref('charlson_code') }} AS charlson ON starts_with(coding.code, charlson.code_prefix)
),

diagnosis AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        coalesce(code_category.category, concept_category.category) AS category,
        coding.code IS NOT NULL OR judged_concept.concept_id IS NOT NULL AS is_judged
    FROM {{ ref('event_source') }} AS source
    LEFT JOIN {{ ref('event_coding') }} AS coding
        ON
            source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
            AND coding.system = 'http://hl7.org/fhir/sid/icd-10-cm'
    LEFT JOIN code_category ON coding.code = code_category.code
    LEFT JOIN concept_category ON coding.code IS NULL AND source.concept_id = concept_category.concept_id
    LEFT JOIN judged_concept ON source.concept_id = judged_concept.concept_id
    WHERE
        source.bronze_table = 'condition_occurrence'
        AND source.start_date <= {{ as_of() }}
        AND coalesce(source.verification_status, 'confirmed') IN ('confirmed', 'unconfirmed')
),

weighted AS (
    SELECT DISTINCT
        category,
        weight
    FROM {{ ref('charlson_code') }}
),

found AS (
    SELECT DISTINCT
        person_id,
        category
    FROM diagnosis
    WHERE category IS NOT NULL
),

-- The graver of two counts alone: metastasis over malignancy, severe over mild liver disease.
counted AS (
    SELECT
        found.person_id,
        found.category,
        weighted.weight
    FROM found
    INNER JOIN weighted ON found.category = weighted.category
    WHERE
        NOT EXISTS (
            SELECT 1
            FROM found AS graver
            WHERE
                found.person_id = graver.person_id
                AND (
                    (found.category = 'any malignancy' AND graver.category = 'metastatic solid tumour')
                    OR (
                        found.category = 'mild liver disease'
                        AND graver.category = 'moderate or severe liver disease'
                    )
                )
        )
),

summed AS (
    SELECT
        person_id,
        sum(weight)::integer AS score,
        jsonb_agg(category ORDER BY category) AS categories
    FROM counted
    GROUP BY person_id
),

unjudged AS (
    SELECT
        person_id,
        count(DISTINCT cdm_id)::integer AS diagnoses
    FROM diagnosis
    WHERE NOT is_judged
    GROUP BY person_id
),

-- The score tells what a category it counts rests on, and is as sensitive as that and as its person.
score_label AS (
    SELECT
        made_of.person_id,
        array_agg(DISTINCT code.label ORDER BY code.label) AS sensitivity
    FROM (
        SELECT
            person_id,
            cdm_table,
            cdm_id
        FROM diagnosis
        WHERE category IS NOT NULL OR NOT is_judged
        UNION ALL
        SELECT
            person_id,
            'person' AS cdm_table,
            person_id AS cdm_id
        FROM {{ ref('person') }}
    ) AS made_of
    INNER JOIN {{ ref('int_sensitive_row') }} AS label
        ON made_of.cdm_table = label.cdm_table AND made_of.cdm_id = label.cdm_id
    CROSS JOIN LATERAL unnest(label.sensitivity) AS code (label)
    GROUP BY made_of.person_id
)

SELECT
    person.person_id,
    'charlson-quan-2011' AS score_name,
    coalesce(summed.score, 0) AS score,
    coalesce(summed.categories, '[]'::jsonb) AS categories,
    coalesce(unjudged.diagnoses, 0) AS diagnoses_not_judged,
    {{ as_of() }} AS as_of,
    coalesce(score_label.sensitivity, '{}') AS sensitivity
FROM {{ ref('person') }} AS person
LEFT JOIN summed ON person.person_id = summed.person_id
LEFT JOIN unjudged ON person.person_id = unjudged.person_id
LEFT JOIN score_label ON person.person_id = score_label.person_id
