-- FIB-4 of the latest aminotransferases and platelets, with the age on the last of their days.
WITH
{{ latest_values({
    'aspartate': 'Aspartate aminotransferase',
    'alanine': 'Alanine aminotransferase',
    'platelets': 'Platelets',
}) }},

input AS (
    SELECT
        person.person_id,
        latest.aspartate::double precision AS aspartate,
        latest.alanine::double precision AS alanine,
        latest.platelets::double precision AS platelets,
        {{ age_on(
            'greatest(latest.aspartate_date, latest.alanine_date, latest.platelets_date)', 'person.birth_date'
        ) }} AS age,
        coalesce(latest.components, '{}'::jsonb) AS components,
        coalesce(latest.deciding_rows, '[]'::jsonb) AS deciding_rows
    FROM {{ ref('score_person') }} AS person
    LEFT JOIN latest ON person.person_id = latest.person_id
)

SELECT
    person_id,
    {{ score_columns('fib4', 'index') }},
    round((age * aspartate / (platelets * sqrt(alanine)))::numeric, 2) AS score,
    {{ lacks({
        'aspartate aminotransferase': 'aspartate IS NOT NULL',
        'alanine aminotransferase': 'alanine IS NOT NULL',
        'platelets': 'platelets IS NOT NULL',
        'age of 18 or more': 'coalesce(aspartate, alanine, platelets) IS NULL OR age >= 18',
    }) }} AS lacks,
    components || jsonb_strip_nulls(jsonb_build_object('age', age)) AS components,
    deciding_rows,
    '[]'::jsonb AS unjudged_rows
FROM input
