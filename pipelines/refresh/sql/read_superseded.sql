CREATE TEMPORARY TABLE bronze_superseded_row AS
SELECT superseded.*
FROM bronze.superseded_row AS superseded
WHERE
    superseded.resource_key IN (SELECT resource_key FROM pg_temp.part_resource_key)
    OR superseded.person_key IN (SELECT person_key FROM pg_temp.part_person_key);
