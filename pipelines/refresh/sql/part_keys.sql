-- By which keys rows of these persons are found in tables that dbt made, before and now.
CREATE TEMPORARY TABLE part_person_id AS
SELECT person_id
FROM omop.person_crosswalk
WHERE person_key IN (SELECT person_key FROM pg_temp.part_person_key)
UNION
SELECT person_id
FROM pg_temp.person_crosswalk
WHERE person_key IN (SELECT person_key FROM pg_temp.part_person_key);
CREATE TEMPORARY TABLE part_encounter_key AS
SELECT visit_occurrence_key AS encounter_key
FROM omop_intermediate.int_encounter
WHERE person_key IN (SELECT person_key FROM pg_temp.part_person_key)
UNION
SELECT visit_occurrence_key
FROM pg_temp.int_encounter
UNION
SELECT resource_key
FROM pg_temp.part_resource_key;
CREATE TEMPORARY TABLE part_alias_key AS
SELECT alias_key
FROM pg_temp.bronze_reference_alias
UNION
SELECT alias_key
FROM omop_intermediate.int_reference_alias
WHERE resource_key IN (SELECT resource_key FROM pg_temp.part_resource_key);
CREATE TEMPORARY TABLE part_fact_id_1 AS
SELECT related.fact_id_1
FROM omop_intermediate.int_fact_relationship AS related
INNER JOIN pg_temp.part_person_id AS part ON related.person_id = part.person_id
UNION
SELECT fact_id_1
FROM pg_temp.int_fact_relationship;
CREATE TEMPORARY TABLE part_scope_id AS
SELECT resource_key AS scope_id
FROM pg_temp.part_resource_key;
ANALYZE pg_temp.part_person_id, pg_temp.part_encounter_key, pg_temp.part_alias_key, pg_temp.part_scope_id, pg_temp.part_fact_id_1;
CREATE TEMPORARY TABLE left_location AS
SELECT location_id
FROM omop_intermediate.int_location
WHERE resource_key IN (SELECT resource_key FROM pg_temp.part_resource_key);
