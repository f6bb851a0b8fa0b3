-- Who was one person with them when the crosswalk was made.
INSERT INTO pg_temp.found
SELECT other.person_key
FROM pg_temp.newest
INNER JOIN omop.person_crosswalk AS mine ON newest.person_key = mine.person_key
INNER JOIN omop.person_crosswalk AS other ON mine.person_id = other.person_id
