-- Every encounter with itself and each one it is part of, however far; a circle ends where it began. Other than in
-- int_visit one without a date counts: it has no row of its own, but its labels hold.
WITH RECURSIVE
parent AS (
    SELECT
        visit.visit_occurrence_key AS encounter_key,
        coalesce(alias.resource_key, visit.parent_visit_key) AS parent_key
    FROM {{ source('bronze', 'visit_occurrence') }} AS visit
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON visit.parent_visit_key = alias.alias_key
    WHERE visit.parent_visit_key IS NOT NULL
),

above AS (
    SELECT
        visit_occurrence_key AS encounter_key,
        visit_occurrence_key AS ancestor_key
    FROM {{ source('bronze', 'visit_occurrence') }}
    UNION
    SELECT
        above.encounter_key,
        parent.parent_key AS ancestor_key
    FROM above
    INNER JOIN parent ON above.ancestor_key = parent.encounter_key
)

SELECT
    encounter_key,
    ancestor_key
FROM above
