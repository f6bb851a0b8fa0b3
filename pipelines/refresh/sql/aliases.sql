-- Other keys by which records name them, now or when omop was built.
INSERT INTO pg_temp.found
SELECT alias.resource_key
FROM pg_temp.newest
INNER JOIN bronze.reference_alias AS alias ON newest.person_key = alias.alias_key
UNION ALL
SELECT alias.alias_key
FROM pg_temp.newest
INNER JOIN bronze.reference_alias AS alias ON newest.person_key = alias.resource_key
UNION ALL
SELECT alias.resource_key
FROM pg_temp.newest
INNER JOIN omop_intermediate.int_reference_alias AS alias ON newest.person_key = alias.alias_key
UNION ALL
SELECT alias.alias_key
FROM pg_temp.newest
INNER JOIN omop_intermediate.int_reference_alias AS alias ON newest.person_key = alias.resource_key
