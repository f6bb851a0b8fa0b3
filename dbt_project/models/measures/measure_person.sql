WITH
birth AS (
    SELECT
        person_id,
        make_date(year_of_birth, coalesce(month_of_birth, 1), coalesce(day_of_birth, 1)) AS birth_date
    FROM {{ ref('person') }}
)

SELECT
    birth.person_id,
    birth.birth_date,
    extract(YEAR FROM age({{ period_end() }}, birth.birth_date))::integer AS age,
    {{ period_start() }} AS period_start,
    {{ period_end() }} AS period_end
FROM birth
LEFT JOIN {{ ref('death') }} AS death ON birth.person_id = death.person_id
WHERE death.death_date IS NULL OR death.death_date >= {{ period_start() }}
