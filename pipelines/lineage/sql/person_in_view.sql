-- As the caller: the person that a source person is, if the caller sees its row.
SELECT person.person_id
FROM omop.person_crosswalk AS crosswalk
INNER JOIN omop.person AS person ON crosswalk.person_id = person.person_id
WHERE crosswalk.person_key = %(person_key)s
