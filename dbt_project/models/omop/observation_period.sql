WITH
seen AS (
    SELECT
        person_id,
        start_date,
        coalesce(end_date, start_date) AS end_date
    FROM {{ ref('int_event') }}
    UNION ALL
    SELECT
        person_id,
        visit_start_date AS start_date,
        visit_end_date AS end_date
    FROM {{ ref('visit_occurrence') }}
    UNION ALL
    SELECT
        person_id,
        note_date AS start_date,
        note_date AS end_date
    FROM {{ ref('note') }}
)

SELECT
    person_id AS observation_period_id,
    person_id,
    min(start_date) AS observation_period_start_date,
    -- A planned end, such as a supply that lasts, is not an observation.
    greatest(max(start_date), least(max(end_date), {{ as_of() }})) AS observation_period_end_date,
    32817 AS period_type_concept_id
FROM seen
GROUP BY person_id
