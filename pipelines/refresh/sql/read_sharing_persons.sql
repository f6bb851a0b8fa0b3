INSERT INTO pg_temp.bronze_person
SELECT person.*
FROM bronze.person AS person
WHERE
    person.person_key IN (SELECT person_key FROM pg_temp.bronze_person_identifier)
    AND NOT EXISTS (SELECT FROM pg_temp.part_person_key AS part WHERE part.person_key = person.person_key)
