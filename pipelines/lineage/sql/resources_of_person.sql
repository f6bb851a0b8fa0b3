-- Every source person that a person is made of.
SELECT person.resource_key
FROM omop.person_crosswalk AS crosswalk
INNER JOIN bronze.person AS person ON crosswalk.person_key = person.person_key
WHERE crosswalk.person_id = %(row_id)s AND (NOT %(dead)s OR person.death_date IS NOT NULL)
