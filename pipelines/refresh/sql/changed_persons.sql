-- What this refresh takes in, and of whom it is.
CREATE TEMPORARY TABLE changed AS
SELECT
    person_key,
    changed_by
FROM build.changed_person;
CREATE TEMPORARY TABLE part_person_key AS
SELECT DISTINCT person_key
FROM pg_temp.changed
WHERE person_key IS NOT NULL;
