-- Identifiers and birth dates of all who share one of theirs: whether it is a placeholder is seen by all of these.
INSERT INTO pg_temp.bronze_person_identifier
SELECT other.*
FROM (
    SELECT DISTINCT
        assigning_authority,
        identifier_value
    FROM pg_temp.bronze_person_identifier
    WHERE identifier_type = ANY(%(identifier_types)s) AND identifier_value <> '' AND assigning_authority <> ''
) AS mine
INNER JOIN bronze.person_identifier AS other USING (assigning_authority, identifier_value)
WHERE NOT EXISTS (SELECT FROM pg_temp.part_person_key AS part WHERE part.person_key = other.person_key)
