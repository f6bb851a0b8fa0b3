-- Source persons of one person: what the crosswalk joined, and those loaded since who share an identifier that joins.
WITH
known AS (
    SELECT person_key
    FROM omop.person_crosswalk
    WHERE person_id = %(person_id)s
),

shared AS (
    SELECT
        identifier.assigning_authority,
        identifier.identifier_value
    FROM bronze.person_identifier AS identifier
    INNER JOIN known ON identifier.person_key = known.person_key
    WHERE
        identifier.identifier_type = ANY(%(naming_types)s)
        AND identifier.identifier_value <> ''
        AND identifier.assigning_authority <> ''
        AND NOT EXISTS (
            SELECT FROM omop.identity_conflict AS conflict
            WHERE conflict.person_key = identifier.person_key
        )
)

SELECT person_key FROM known
UNION
SELECT late.person_key
FROM bronze.person_identifier AS late
INNER JOIN shared
    ON late.assigning_authority = shared.assigning_authority AND late.identifier_value = shared.identifier_value
INNER JOIN bronze.person AS person ON late.person_key = person.person_key
WHERE
    late.identifier_type = ANY(%(naming_types)s)
    AND NOT EXISTS (SELECT FROM omop.person_crosswalk AS c WHERE c.person_key = late.person_key)
    AND NOT EXISTS (
        SELECT FROM bronze.person AS other
        INNER JOIN known ON other.person_key = known.person_key
        WHERE
            other.year_of_birth <> person.year_of_birth
            OR other.month_of_birth <> person.month_of_birth
            OR other.day_of_birth <> person.day_of_birth
    )
