-- Whom a source merged with them, in either direction.
INSERT INTO pg_temp.found
SELECT person.merged_into_person_key
FROM pg_temp.newest
INNER JOIN bronze.person AS person ON newest.person_key = person.person_key
UNION ALL
SELECT person.person_key
FROM pg_temp.newest
INNER JOIN bronze.person AS person ON newest.person_key = person.merged_into_person_key
UNION ALL
SELECT link.replaced_person_key
FROM pg_temp.newest
INNER JOIN bronze.person_link AS link ON newest.person_key = link.person_key
UNION ALL
SELECT link.person_key
FROM pg_temp.newest
INNER JOIN bronze.person_link AS link ON newest.person_key = link.replaced_person_key
