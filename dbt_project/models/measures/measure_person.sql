WITH
birth AS (
    SELECT
        person_id,
        make_date(year_of_birth, coalesce(month_of_birth, 1), coalesce(day_of_birth, 1)) AS birth_date
    FROM {{ ref('person') }}
),

-- Dead at an unknown time: in no measure, and listed in dropped_row.
dead_without_date AS (
    SELECT crosswalk.person_id
    FROM {{ source('bronze', 'person') }} AS person
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON person.person_key = crosswalk.person_key
    WHERE person.deceased AND person.merged_into_person_key IS NULL
    EXCEPT
    SELECT person_id
    FROM {{ ref('death') }}
),

-- What the eCQMs call Patient.sex: that of US Core's extension, else the administrative gender.
stated AS (
    SELECT
        person_key AS person_id,
        CASE
            WHEN sex_code IN ('248152002', 'F') THEN 'female'
            WHEN sex_code IN ('248153007', 'M') THEN 'male'
            WHEN sex_code IS NULL AND gender_source_value IN ('female', 'F') THEN 'female'
            WHEN sex_code IS NULL AND gender_source_value IN ('male', 'M') THEN 'male'
        END AS sex
    FROM {{ source('bronze', 'person') }}
)

SELECT
    birth.person_id,
    birth.birth_date,
    stated.sex,
    death.death_date,
    extract(YEAR FROM age({{ period_end() }}, birth.birth_date))::integer AS age,
    extract(YEAR FROM age({{ period_start() }}, birth.birth_date))::integer AS age_at_start,
    {{ period_start() }} AS period_start,
    {{ period_end() }} AS period_end,
    least({{ period_end() }}, {{ as_of() }}) AS last_day
FROM birth
LEFT JOIN {{ ref('death') }} AS death ON birth.person_id = death.person_id
LEFT JOIN stated ON birth.person_id = stated.person_id
LEFT JOIN dead_without_date ON birth.person_id = dead_without_date.person_id
WHERE dead_without_date.person_id IS NULL
