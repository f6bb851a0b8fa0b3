{#- An index of AHRQ's Elixhauser Comorbidity Software Refined for ICD-10-CM, v2026.1: the sum of one column of weights of
    ahrq_comorbidity over the comorbidities among the secondary diagnoses of the latest stay. -#}
{% macro ahrq_index(risk_score_id, weight) -%}
WITH
assigned AS (
    SELECT
        diagnosis.person_id,
        diagnosis.cdm_table,
        diagnosis.cdm_id,
        code.category AS code_category,
        comorbidity.category,
        CASE
            WHEN code.is_exempt OR NOT comorbidity.needs_presence_on_admission THEN TRUE
            -- A claim says 1 of a code that was exempt when it was made.
            WHEN diagnosis.on_admission IN ('Y', 'W', '1') THEN TRUE
            WHEN diagnosis.on_admission IN ('N', 'U') THEN FALSE
        END AS counts
    FROM {{ ref('stay_diagnosis') }} AS diagnosis
    INNER JOIN {{ ref('ahrq_comorbidity_code') }} AS code ON diagnosis.code = code.code
    INNER JOIN {{ ref('ahrq_comorbidity') }} AS comorbidity
        ON CASE WHEN code.category IN ('CBVD_POA', 'CBVD_SQLA') THEN 'CBVD' ELSE code.category END = comorbidity.category
    WHERE diagnosis.diagnosis_type = 'secondary'
),

-- Sequelae of a stroke are those of the one that happened during the stay, if one did.
stroke_in_hospital AS (
    SELECT DISTINCT person_id
    FROM assigned
    WHERE code_category = 'CBVD_POA' AND NOT counts
),

found AS (
    SELECT
        assigned.person_id,
        assigned.category,
        assigned.cdm_table,
        assigned.cdm_id
    FROM assigned
    LEFT JOIN stroke_in_hospital ON assigned.person_id = stroke_in_hospital.person_id
    WHERE assigned.counts AND (assigned.code_category <> 'CBVD_SQLA' OR stroke_in_hospital.person_id IS NULL)
),

found_category AS (
    SELECT DISTINCT
        person_id,
        category
    FROM found
),

counted AS (
    SELECT
        found_category.person_id,
        found_category.category,
        comorbidity.comorbidity,
        comorbidity.{{ weight }} AS weight
    FROM found_category
    INNER JOIN {{ ref('ahrq_comorbidity') }} AS comorbidity ON found_category.category = comorbidity.category
    WHERE NOT EXISTS (
        SELECT 1
        FROM found_category AS graver
        WHERE
            found_category.person_id = graver.person_id
            AND comorbidity.graver_categories @> to_jsonb(graver.category)
    )
),

points AS (
    SELECT
        person_id,
        sum(weight) AS score,
        jsonb_object_agg(comorbidity, weight) AS components
    FROM counted
    GROUP BY person_id
),

-- The principal diagnosis decides too: it does not count.
claim AS (
    SELECT
        diagnosis.person_id,
        bool_or(diagnosis.diagnosis_type = 'principal') AS has_principal,
        {{ deciding_rows('diagnosis') }} FILTER (
            WHERE diagnosis.diagnosis_type = 'principal' OR counted.person_id IS NOT NULL
        ) AS deciding_rows,
        {{ deciding_rows('diagnosis') }} FILTER (
            WHERE diagnosis.diagnosis_type = 'secondary' AND diagnosis.code IS NULL
        ) AS unjudged_rows
    FROM {{ ref('stay_diagnosis') }} AS diagnosis
    LEFT JOIN found
        ON
            diagnosis.person_id = found.person_id
            AND diagnosis.cdm_table = found.cdm_table
            AND diagnosis.cdm_id = found.cdm_id
    LEFT JOIN counted ON found.person_id = counted.person_id AND found.category = counted.category
    GROUP BY diagnosis.person_id
),

untold AS (
    SELECT DISTINCT person_id
    FROM assigned
    WHERE counts IS NULL
),

input AS (
    SELECT
        person.person_id,
        stay.visit_occurrence_id,
        stay.discharge_date,
        stay.deciding_rows AS stay_rows,
        claim.person_id AS claimed_person_id,
        claim.has_principal,
        claim.deciding_rows AS claim_rows,
        claim.unjudged_rows,
        untold.person_id AS untold_person_id,
        points.score,
        points.components
    FROM {{ ref('score_person') }} AS person
    LEFT JOIN {{ ref('score_stay') }} AS stay ON person.person_id = stay.person_id
    LEFT JOIN claim ON person.person_id = claim.person_id
    LEFT JOIN untold ON person.person_id = untold.person_id
    LEFT JOIN points ON person.person_id = points.person_id
)

SELECT
    person_id,
    {{ score_columns(risk_score_id, 'points') }},
    coalesce(score, 0)::numeric AS score,
    {{ lacks({
        'inpatient stay that is over': 'visit_occurrence_id IS NOT NULL',
        'claim of the stay': 'visit_occurrence_id IS NULL OR claimed_person_id IS NOT NULL',
        'principal diagnosis': 'claimed_person_id IS NULL OR has_principal',
        'present-on-admission indicator': 'untold_person_id IS NULL',
    }) }} AS lacks,
    CASE
        WHEN visit_occurrence_id IS NULL THEN '{}'::jsonb
        ELSE
            jsonb_build_object('discharge', discharge_date)
            || CASE
                WHEN claimed_person_id IS NULL THEN '{}'::jsonb
                ELSE jsonb_build_object('comorbidities', coalesce(components, '{}'::jsonb))
            END
    END AS components,
    {{ merged_rows(['stay_rows', 'claim_rows']) }} AS deciding_rows,
    coalesce(unjudged_rows, '[]'::jsonb) AS unjudged_rows
FROM input
{%- endmacro %}
