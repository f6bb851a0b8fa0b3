-- Whose records these persons' records name without being theirs: labels of a mother's stay hold for her child's.
INSERT INTO pg_temp.found
SELECT DISTINCT owned.person_key
FROM pg_temp.part_reference
INNER JOIN bronze.resource AS owned ON part_reference.key = owned.resource_key
WHERE owned.person_key IS NOT NULL
UNION
SELECT visit.person_key
FROM pg_temp.part_reference
INNER JOIN bronze.visit_occurrence AS visit ON part_reference.key = visit.visit_occurrence_key
