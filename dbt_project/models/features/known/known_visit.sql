-- A visit that is part of another is not counted beside it: parent_visit_id says which, whether or not that is known.
WITH
fact AS (
    {{ known_rows('visit_occurrence', ref('int_encounter'), {
        'class_code': 'event.class_code',
        'status': 'event.status',
        'visit_start_date': 'event.visit_start_date',
        'visit_start_datetime': 'event.visit_start_datetime',
        'visit_end_date': 'event.visit_end_date',
        'discharged_to_source_value': 'event.discharged_to_source_value',
        'parent_visit_key': 'event.parent_visit_key',
    }) }}
),

{{ known_labels() }}

SELECT
    crosswalk.person_id,
    fact.bronze_key AS visit_id,
    coalesce(alias.resource_key, fact.parent_visit_key) AS parent_visit_id,
    coalesce(class.target_concept_id, 0) AS visit_concept_id,
    fact.status,
    fact.visit_start_date,
    fact.visit_start_datetime,
    fact.visit_end_date,
    fact.discharged_to_source_value AS discharged_to,
    {{ utc_day('fact.known_from') }} AS known_from,
    {{ utc_day('fact.known_until') }} AS known_until,
    {{ known_sensitivity(
        ['resource_label.codes', 'encounter_label.codes', 'row_label.codes', 'person_label.codes'],
        'fact.security_labels'
    ) }} AS sensitivity
FROM fact
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON fact.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON fact.parent_visit_key = alias.alias_key
LEFT JOIN {{ ref('source_to_concept_map') }} AS class
    ON class.source_vocabulary_id = 'ActEncounterCode' AND fact.class_code = class.source_code
LEFT JOIN resource_label ON fact.resource_key = resource_label.resource_key
LEFT JOIN encounter_label ON fact.bronze_key = encounter_label.encounter_key
LEFT JOIN row_label ON fact.bronze_key = row_label.cdm_id
LEFT JOIN person_label ON crosswalk.person_id = person_label.person_id
-- A visit without a start has no place in time.
WHERE fact.visit_start_date IS NOT NULL
