-- Estimated glomerular filtration rate of the latest creatinine, with the age of its day, and KDIGO's stages.
WITH
{{ latest_values(
    {'creatinine': 'Creatinine', 'albuminuria': 'Urine albumin to creatinine ratio'},
    zero_is_a_value=['Urine albumin to creatinine ratio'],
) }},

input AS (
    SELECT
        person.person_id,
        person.sex,
        latest.creatinine::double precision AS creatinine,
        latest.albuminuria,
        {{ age_on('latest.creatinine_date', 'person.birth_date') }} AS age,
        CASE person.sex WHEN 'female' THEN 0.7 ELSE 0.9 END::double precision AS kappa,
        CASE person.sex WHEN 'female' THEN -0.241 ELSE -0.302 END::double precision AS alpha,
        coalesce(latest.components, '{}'::jsonb) AS components,
        coalesce(latest.deciding_rows, '[]'::jsonb) AS deciding_rows
    FROM {{ ref('score_person') }} AS person
    LEFT JOIN latest ON person.person_id = latest.person_id
),

judged AS (
    SELECT
        *,
        142 * power(least(creatinine / kappa, 1), alpha) * power(greatest(creatinine / kappa, 1), -1.2)
        * power(0.9938, age) * CASE sex WHEN 'female' THEN 1.012 ELSE 1 END AS filtration_rate,
        {{ lacks({
            'creatinine': 'creatinine IS NOT NULL',
            'sex, female or male': 'sex IS NOT NULL',
            'age of 18 or more': 'creatinine IS NULL OR age >= 18',
        }) }} AS lacks
    FROM input
)

SELECT
    person_id,
    {{ score_columns('ckd_epi_2021', 'mL/min/{1.73_m2}') }},
    round(filtration_rate::numeric, 1) AS score,
    lacks,
    components || jsonb_strip_nulls(
        jsonb_build_object(
            'age', age,
            'sex', sex,
            'g_stage', CASE
                WHEN lacks <> '[]' THEN NULL
                WHEN filtration_rate >= 90 THEN 'G1'
                WHEN filtration_rate >= 60 THEN 'G2'
                WHEN filtration_rate >= 45 THEN 'G3a'
                WHEN filtration_rate >= 30 THEN 'G3b'
                WHEN filtration_rate >= 15 THEN 'G4'
                ELSE 'G5'
            END,
            'a_stage', CASE
                WHEN albuminuria < 30 THEN 'A1'
                WHEN albuminuria <= 300 THEN 'A2'
                WHEN albuminuria > 300 THEN 'A3'
            END
        )
    ) AS components,
    deciding_rows,
    '[]'::jsonb AS unjudged_rows
FROM judged
