-- CHA2DS2-VASc says nothing of who has no atrial fibrillation.
WITH
{{ diagnoses_of('cha2ds2_vasc') }},

{{ comorbidity_points('cha2ds2_vasc') }},

fibrillation AS (
    SELECT
        person_id,
        {{ deciding_rows() }} AS deciding_rows
    FROM diagnosis
    WHERE category = 'atrial fibrillation'
    GROUP BY person_id
),

input AS (
    SELECT
        person.person_id,
        person.age,
        person.sex,
        CASE WHEN person.age >= 75 THEN 2 WHEN person.age >= 65 THEN 1 ELSE 0 END AS age_points,
        CASE person.sex WHEN 'female' THEN 1 WHEN 'male' THEN 0 END AS sex_points,
        coalesce(comorbidity.points, 0) AS comorbidity_points,
        coalesce(comorbidity.components, '{}'::jsonb) AS components,
        comorbidity.deciding_rows AS comorbidity_rows,
        fibrillation.deciding_rows AS fibrillation_rows,
        coalesce(unjudged.unjudged_rows, '[]'::jsonb) AS unjudged_rows
    FROM {{ ref('score_person') }} AS person
    LEFT JOIN comorbidity ON person.person_id = comorbidity.person_id
    LEFT JOIN fibrillation ON person.person_id = fibrillation.person_id
    LEFT JOIN unjudged ON person.person_id = unjudged.person_id
)

SELECT
    person_id,
    {{ score_columns('cha2ds2_vasc', 'points') }},
    (comorbidity_points + age_points + sex_points)::numeric AS score,
    {{ lacks({
        'atrial fibrillation': 'fibrillation_rows IS NOT NULL',
        'age of 18 or more': 'age >= 18',
        'sex, female or male': 'sex IS NOT NULL',
    }) }} AS lacks,
    components || jsonb_strip_nulls(jsonb_build_object('age', age_points, 'sex', sex_points)) AS components,
    {{ merged_rows(['comorbidity_rows', 'fibrillation_rows']) }} AS deciding_rows,
    unjudged_rows
FROM input
