-- Whose records these persons' records name without being theirs: labels of a mother's stay hold for her child's. And
-- whose go by the same other key as theirs, of which each leads to one record; and of a device, who uses it and who
-- did; and of an order, who rejected it, and the other way round.
INSERT INTO pg_temp.found
SELECT owned.person_key
FROM pg_temp.part_reference
INNER JOIN bronze.resource AS owned ON part_reference.key = owned.resource_key
UNION
SELECT visit.person_key
FROM pg_temp.part_reference
INNER JOIN bronze.visit_occurrence AS visit ON part_reference.key = visit.visit_occurrence_key
UNION
SELECT owned.person_key
FROM (
    SELECT alias.alias_key
    FROM pg_temp.part_resource_key AS part
    INNER JOIN bronze.reference_alias AS alias ON part.resource_key = alias.resource_key
    UNION
    SELECT alias.alias_key
    FROM pg_temp.part_resource_key AS part
    INNER JOIN omop_intermediate.int_reference_alias AS alias ON part.resource_key = alias.resource_key
) AS mine
INNER JOIN bronze.reference_alias AS other ON mine.alias_key = other.alias_key
INNER JOIN bronze.resource AS owned ON other.resource_key = owned.resource_key
UNION
SELECT owned.person_key
FROM pg_temp.part_resource_key AS part
INNER JOIN omop_intermediate.int_named_resource AS named ON part.resource_key = named.resource_key
INNER JOIN bronze.resource AS owned ON named.named_key = owned.resource_key
UNION
SELECT naming.person_key
FROM pg_temp.part_resource_key AS part
INNER JOIN omop_intermediate.int_named_resource AS named ON part.resource_key = named.named_key
INNER JOIN bronze.resource AS naming ON named.resource_key = naming.resource_key
UNION
-- A Task may be for somebody else than the order that it rejects is.
SELECT ordered.person_key
FROM pg_temp.part_resource_key AS part
INNER JOIN bronze.rejected_request AS rejected ON part.resource_key = rejected.resource_key
INNER JOIN bronze.resource AS ordered ON rejected.request_key = ordered.resource_key
