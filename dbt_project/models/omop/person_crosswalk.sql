-- Connected components over what names the same person: a shared (assigning authority, identifier) of a type that
-- names people, or a merge. Only people with such a link are walked; everyone else is a component of one.
-- What was merged away need not be there itself: records about it belong to who survived.
WITH RECURSIVE
merge AS (
    SELECT
        person.person_key AS retired_key,
        coalesce(alias.resource_key, person.merged_into_person_key) AS survivor_key
    FROM {{ source('bronze', 'person') }} AS person
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON person.merged_into_person_key = alias.alias_key
    WHERE person.merged_into_person_key IS NOT NULL
    UNION
    SELECT
        coalesce(alias.resource_key, person_link.replaced_person_key) AS retired_key,
        person_link.person_key AS survivor_key
    FROM {{ source('bronze', 'person_link') }} AS person_link
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON person_link.replaced_person_key = alias.alias_key
),

retired AS (
    SELECT DISTINCT retired_key AS person_key
    FROM merge
),

-- Of whom one source retired the record, without the other sources having heard of it.
outlived AS (
    SELECT DISTINCT mine.person_key
    FROM retired
    INNER JOIN {{ source('bronze', 'person') }} AS gone ON retired.person_key = gone.person_key
    INNER JOIN {{ ref('int_shared_identifier') }} AS theirs ON gone.person_key = theirs.person_key
    INNER JOIN {{ ref('int_shared_identifier') }} AS mine
        ON theirs.identifier_key = mine.identifier_key AND theirs.person_key <> mine.person_key
    WHERE
        NOT mine.is_conflicting
        AND NOT EXISTS (
            SELECT 1
            FROM {{ ref('int_shared_identifier') }} AS other
            INNER JOIN {{ ref('int_shared_identifier') }} AS shared ON other.identifier_key = shared.identifier_key
            INNER JOIN {{ source('bronze', 'person') }} AS living ON shared.person_key = living.person_key
            LEFT JOIN retired AS dead ON living.person_key = dead.person_key
            WHERE
                other.person_key = mine.person_key
                AND NOT other.is_conflicting
                AND living.source_system = gone.source_system
                AND dead.person_key IS NULL
        )
),

link AS (
    SELECT
        person_key AS from_key,
        hub_key AS to_key
    FROM {{ ref('int_shared_identifier') }}
    WHERE person_key <> hub_key AND NOT is_conflicting
    UNION
    SELECT
        retired_key AS from_key,
        survivor_key AS to_key
    FROM merge
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
        person_key,
        min(reached_key) AS component_key
    FROM reach
    GROUP BY person_key
    UNION ALL
    SELECT
        person.person_key,
        person.person_key AS component_key
    FROM {{ source('bronze', 'person') }} AS person
    LEFT JOIN edge ON person.person_key = edge.from_key
    WHERE edge.from_key IS NULL
),

-- The survivor names the component: not merged away, from a FHIR source if there is one.
named AS (
    SELECT
        component.person_key,
        first_value(component.person_key) OVER (
            PARTITION BY component.component_key
            ORDER BY
                (person.year_of_birth IS NULL),
                (retired.person_key IS NOT NULL),
                (person.source_system = 'hl7v2'),
                (outlived.person_key IS NOT NULL),
                component.person_key
        ) AS person_id
    FROM component
    LEFT JOIN {{ source('bronze', 'person') }} AS person ON component.person_key = person.person_key
    LEFT JOIN retired ON component.person_key = retired.person_key
    LEFT JOIN outlived ON component.person_key = outlived.person_key
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
