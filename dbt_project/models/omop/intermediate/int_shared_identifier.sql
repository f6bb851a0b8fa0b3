-- Source persons that share an identifier. Two birth dates under one identifier are two people or a wrong record:
-- such an identifier joins nobody and is listed in identity_conflict.
WITH
identifier AS (
    SELECT DISTINCT
        {{ hashed_key(["identifier.assigning_authority", "identifier.identifier_value"]) }} AS identifier_key,
        identifier.person_key,
        person.year_of_birth * 10000
        + coalesce(person.month_of_birth, 0) * 100
        + coalesce(person.day_of_birth, 0) AS birth_day
    FROM {{ source('bronze', 'person_identifier') }} AS identifier
    INNER JOIN {{ source('bronze', 'person') }} AS person ON identifier.person_key = person.person_key
    WHERE
        identifier.identifier_type IN ('MR', 'MRN', 'PI', 'PT', '')
        AND identifier.identifier_value <> ''
        AND identifier.assigning_authority <> ''
)

SELECT
    identifier_key,
    person_key,
    min(person_key) OVER shared AS hub_key,
    coalesce(min(birth_day) OVER shared <> max(birth_day) OVER shared, FALSE) AS is_conflicting
FROM identifier
WINDOW shared AS (PARTITION BY identifier_key)
