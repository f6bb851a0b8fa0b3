-- Which visit_occurrence each encounter belongs to: the top of its partOf chain. A chain that runs in a circle has no
-- top; then each encounter stands for itself, as does one whose parent has no date and so no row.
WITH RECURSIVE
encounter AS (
    SELECT
        visit.visit_occurrence_key AS encounter_key,
        parent.visit_occurrence_key AS parent_key
    FROM {{ ref('int_encounter') }} AS visit
    LEFT JOIN {{ ref('int_encounter') }} AS parent
        ON
            visit.parent_visit_key = parent.visit_occurrence_key
            AND visit.person_key = parent.person_key
            AND parent.visit_start_date IS NOT NULL
),

chain AS (
    SELECT
        encounter_key,
        encounter_key AS top_key,
        parent_key,
        ARRAY[encounter_key] AS path
    FROM encounter
    UNION ALL
    SELECT
        chain.encounter_key,
        encounter.encounter_key AS top_key,
        encounter.parent_key,
        chain.path || encounter.encounter_key AS path
    FROM chain
    INNER JOIN encounter ON chain.parent_key = encounter.encounter_key
    WHERE NOT chain.path @> ARRAY[chain.parent_key]
),

top AS (
    SELECT
        encounter.encounter_key,
        coalesce(chain.top_key, encounter.encounter_key) AS top_key
    FROM encounter
    LEFT JOIN chain ON encounter.encounter_key = chain.encounter_key AND chain.parent_key IS NULL
)

SELECT
    encounter_key AS visit_key,
    encounter_key,
    top_key AS visit_occurrence_id
FROM top
UNION ALL
SELECT
    alias.alias_key AS visit_key,
    top.encounter_key,
    top.top_key AS visit_occurrence_id
FROM {{ ref('int_reference_alias') }} AS alias
INNER JOIN top ON alias.resource_key = top.encounter_key
