-- Which visit_occurrence each encounter belongs to: the top of its partOf chain.
WITH RECURSIVE
encounter AS (
    SELECT
        visit.visit_occurrence_key AS visit_key,
        parent.visit_occurrence_key AS parent_key
    FROM {{ source('bronze', 'visit_occurrence') }} AS visit
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON visit.parent_visit_key = alias.alias_key
    LEFT JOIN {{ source('bronze', 'visit_occurrence') }} AS parent
        ON
            coalesce(alias.resource_key, visit.parent_visit_key) = parent.visit_occurrence_key
            AND visit.person_key = parent.person_key
),

chain AS (
    SELECT
        visit_key,
        visit_key AS top_key,
        parent_key,
        0 AS depth
    FROM encounter
    UNION ALL
    SELECT
        chain.visit_key,
        encounter.visit_key AS top_key,
        encounter.parent_key,
        chain.depth + 1 AS depth
    FROM chain
    INNER JOIN encounter ON chain.parent_key = encounter.visit_key
    -- A chain that runs in a circle would not end.
    WHERE chain.depth < 10
),

top AS (
    SELECT DISTINCT ON (visit_key)
        visit_key,
        top_key
    FROM chain
    ORDER BY visit_key ASC, depth DESC
)

SELECT
    visit_key,
    top_key AS visit_occurrence_id
FROM top
UNION ALL
SELECT
    alias.alias_key AS visit_key,
    top.top_key AS visit_occurrence_id
FROM {{ ref('int_reference_alias') }} AS alias
INNER JOIN top ON alias.resource_key = top.visit_key
