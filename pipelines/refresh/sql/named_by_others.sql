-- Whether a record whose labels changed is named by somebody who is not built now: their rows would lack its labels.
WITH
made AS (
    SELECT
        label.encounter_key AS key,
        label.code
    FROM pg_temp.int_encounter_label AS label
    INNER JOIN pg_temp.part_encounter_key AS part ON label.encounter_key = part.encounter_key
    UNION
    SELECT
        label.resource_key,
        label.code
    FROM pg_temp.int_resource_label AS label
    INNER JOIN pg_temp.part_resource_key AS part ON label.resource_key = part.resource_key
),

old AS (
    SELECT
        label.encounter_key AS key,
        label.code
    FROM omop_intermediate.int_encounter_label AS label
    INNER JOIN pg_temp.part_encounter_key AS part ON label.encounter_key = part.encounter_key
    UNION
    SELECT
        label.resource_key,
        label.code
    FROM omop_intermediate.int_resource_label AS label
    INNER JOIN pg_temp.part_resource_key AS part ON label.resource_key = part.resource_key
),

relabelled AS (
    (TABLE made EXCEPT TABLE old)
    UNION
    (TABLE old EXCEPT TABLE made)
),

known_as AS (
    SELECT key
    FROM relabelled
    UNION
    SELECT alias.alias_key
    FROM relabelled
    INNER JOIN bronze.reference_alias AS alias ON relabelled.key = alias.resource_key
),

naming AS (
    SELECT event.person_key
    FROM known_as
    INNER JOIN omop_intermediate.int_bronze_event AS event ON known_as.key = event.visit_occurrence_key
    UNION ALL
    SELECT note.person_key
    FROM known_as
    INNER JOIN bronze.note AS note ON known_as.key = note.visit_occurrence_key
    UNION ALL
    SELECT visit.person_key
    FROM known_as
    INNER JOIN bronze.visit_occurrence AS visit ON known_as.key = visit.parent_visit_key
    UNION ALL
    SELECT place.person_key
    FROM known_as
    INNER JOIN bronze.visit_detail AS place ON known_as.key = place.visit_occurrence_key
    UNION ALL
    SELECT line.person_key
    FROM bronze.claim_line AS line
    CROSS JOIN LATERAL jsonb_array_elements_text(line.named_keys) AS named (key)
    INNER JOIN known_as ON named.key::bigint = known_as.key
    WHERE EXISTS (SELECT FROM known_as)
)

SELECT EXISTS (
    SELECT FROM naming
    WHERE NOT EXISTS (SELECT FROM pg_temp.part_person_key AS part WHERE part.person_key = naming.person_key)
)
