-- Source persons that share an identifier. An identifier joins nobody, and is listed in identity_conflict, if those
-- who share it differ in birth date or sex, if it leads to one whose other identifiers lead to people who do, or if
-- so many share it that it is a placeholder.
WITH
identifier AS (
    SELECT DISTINCT
        {{ hashed_key(["identifier.assigning_authority", "identifier.identifier_value"]) }} AS identifier_key,
        identifier.person_key,
        person.year_of_birth,
        person.month_of_birth,
        person.day_of_birth,
        nullif(nullif(person.gender_source_value, 'unknown'), 'other') AS sex
    FROM {{ source('bronze', 'person_identifier') }} AS identifier
    INNER JOIN {{ source('bronze', 'person') }} AS person ON identifier.person_key = person.person_key
    WHERE
        identifier.identifier_type = any('{"{{ var('person_identifier_types') | join('","') }}"}')
        AND identifier.identifier_value <> ''
        AND identifier.assigning_authority <> ''
),

placeholder AS (
    SELECT identifier_key
    FROM identifier
    GROUP BY identifier_key
    HAVING count(*) > {{ var('most_sharing_an_identifier') }}
),

-- A person without a birth date must not join two who have different ones; a placeholder joins nobody.
bridge AS (
    SELECT unborn.person_key
    FROM identifier AS unborn
    INNER JOIN identifier AS born ON unborn.identifier_key = born.identifier_key
    LEFT JOIN placeholder ON unborn.identifier_key = placeholder.identifier_key
    WHERE
        unborn.year_of_birth IS NULL
        AND born.year_of_birth IS NOT NULL
        AND placeholder.identifier_key IS NULL
    GROUP BY unborn.person_key
    HAVING count(DISTINCT concat_ws('-', born.year_of_birth, born.month_of_birth, born.day_of_birth)) > 1
),

judged AS (
    SELECT
        identifier.identifier_key,
        identifier.person_key,
        min(identifier.person_key) OVER shared AS hub_key,
        coalesce(min(identifier.year_of_birth) OVER shared <> max(identifier.year_of_birth) OVER shared, FALSE)
        OR coalesce(min(identifier.month_of_birth) OVER shared <> max(identifier.month_of_birth) OVER shared, FALSE)
        OR coalesce(min(identifier.day_of_birth) OVER shared <> max(identifier.day_of_birth) OVER shared, FALSE)
        OR coalesce(min(identifier.sex) OVER shared <> max(identifier.sex) OVER shared, FALSE)
        OR count(*) OVER shared > {{ var('most_sharing_an_identifier') }} AS is_contradicted,
        bool_or(bridge.person_key IS NOT NULL) OVER shared AS has_bridge
    FROM identifier
    LEFT JOIN bridge ON identifier.person_key = bridge.person_key
    WINDOW shared AS (PARTITION BY identifier.identifier_key)
)

SELECT
    identifier_key,
    person_key,
    hub_key,
    is_contradicted OR has_bridge AS is_conflicting
FROM judged
