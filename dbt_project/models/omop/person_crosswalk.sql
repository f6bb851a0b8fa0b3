-- Connected components over what names the same person: a shared (assigning authority, identifier) of a type that
-- names people, or a merge. Only people with such a link are walked; everyone else is a component of one.
WITH RECURSIVE
link AS (
    SELECT
        person_key AS from_key,
        hub_key AS to_key
    FROM {{ ref('int_shared_identifier') }}
    WHERE person_key <> hub_key AND NOT is_conflicting
    UNION
    SELECT
        person.person_key AS from_key,
        coalesce(alias.resource_key, person.merged_into_person_key) AS to_key
    FROM {{ source('bronze', 'person') }} AS person
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON person.merged_into_person_key = alias.alias_key
    WHERE person.merged_into_person_key IS NOT NULL
),

edge AS (
    SELECT
        from_key,
        to_key
    FROM link
    UNION
    SELECT
        to_key AS from_key,
        from_key AS to_key
    FROM link
),

reach AS (
    SELECT DISTINCT
        from_key AS person_key,
        from_key AS reached_key
    FROM edge
    UNION
    SELECT
        reach.person_key,
        edge.to_key AS reached_key
    FROM reach
    INNER JOIN edge ON reach.reached_key = edge.from_key
),

component AS (
    SELECT
        person.person_key,
        coalesce(min(reach.reached_key), person.person_key) AS component_key
    FROM {{ source('bronze', 'person') }} AS person
    LEFT JOIN reach ON person.person_key = reach.person_key
    GROUP BY person.person_key
),

-- The survivor names the component: not merged away, from a FHIR source if there is one.
named AS (
    SELECT
        component.person_key,
        first_value(component.person_key) OVER (
            PARTITION BY component.component_key
            ORDER BY
                (person.year_of_birth IS NULL),
                (person.merged_into_person_key IS NOT NULL),
                (person.source_system = 'hl7v2'),
                component.person_key
        ) AS person_id
    FROM component
    INNER JOIN {{ source('bronze', 'person') }} AS person ON component.person_key = person.person_key
),

survivor AS (
    SELECT
        named.person_key,
        named.person_id
    FROM named
    INNER JOIN {{ source('bronze', 'person') }} AS person ON named.person_id = person.person_key
    WHERE person.year_of_birth IS NOT NULL
)

SELECT
    person_key,
    person_id
FROM survivor
UNION ALL
SELECT
    alias.alias_key AS person_key,
    survivor.person_id
FROM {{ ref('int_reference_alias') }} AS alias
INNER JOIN survivor ON alias.resource_key = survivor.person_key
