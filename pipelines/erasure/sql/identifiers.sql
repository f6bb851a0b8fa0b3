-- Every identifier of these source persons; joins: it names a person and no one else's identifier contradicts it.
SELECT DISTINCT
    identifier.assigning_authority,
    identifier.identifier_value,
    identifier.identifier_type = ANY(%(naming_types)s)
    AND identifier.identifier_value <> ''
    AND identifier.assigning_authority <> ''
    AND NOT EXISTS (
        SELECT FROM bronze.person_identifier AS other
        INNER JOIN bronze.person AS someone ON other.person_key = someone.person_key
        WHERE
            other.assigning_authority = identifier.assigning_authority
            AND other.identifier_value = identifier.identifier_value
            AND other.person_key <> ALL(%(person_keys)s)
    ) AS joins,
    CASE
        WHEN person.day_of_birth IS NOT NULL
            THEN to_char(make_date(person.year_of_birth, person.month_of_birth, person.day_of_birth), 'YYYY-MM-DD')
    END AS birth_date
FROM bronze.person_identifier AS identifier
LEFT JOIN bronze.person AS person ON identifier.person_key = person.person_key
WHERE identifier.person_key = ANY(%(person_keys)s)
