WITH
event AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        source.start_date,
        source.start_datetime,
        source.known_at,
        coalesce(
            condition.condition_concept_id, drug.drug_concept_id, procedure.procedure_concept_id,
            measurement.measurement_concept_id, observation.observation_concept_id, device.device_concept_id,
            visit.visit_concept_id, note.note_class_concept_id
        ) AS concept_id,
        source.codings -> 0 ->> 'display' AS display,
        source.value_number,
        source.unit_code,
        coalesce(source.value_text, source.value_codings -> 0 ->> 'display') AS value_as_text
    FROM {{ ref('event_source') }} AS source
    LEFT JOIN {{ ref('condition_occurrence') }} AS condition
        ON source.cdm_table = 'condition_occurrence' AND source.cdm_id = condition.condition_occurrence_id
    LEFT JOIN {{ ref('drug_exposure') }} AS drug
        ON source.cdm_table = 'drug_exposure' AND source.cdm_id = drug.drug_exposure_id
    LEFT JOIN {{ ref('procedure_occurrence') }} AS procedure
        ON source.cdm_table = 'procedure_occurrence' AND source.cdm_id = procedure.procedure_occurrence_id
    LEFT JOIN {{ ref('measurement') }} AS measurement
        ON source.cdm_table = 'measurement' AND source.cdm_id = measurement.measurement_id
    LEFT JOIN {{ ref('observation') }} AS observation
        ON source.cdm_table = 'observation' AND source.cdm_id = observation.observation_id
    LEFT JOIN {{ ref('device_exposure') }} AS device
        ON source.cdm_table = 'device_exposure' AND source.cdm_id = device.device_exposure_id
    LEFT JOIN {{ ref('visit_occurrence') }} AS visit
        ON source.cdm_table = 'visit_occurrence' AND source.cdm_id = visit.visit_occurrence_id
    LEFT JOIN {{ ref('note') }} AS note ON source.cdm_table = 'note' AND source.cdm_id = note.note_id
    WHERE source.start_date <= {{ as_of() }}
)

SELECT
    event.person_id,
    row_number() OVER (
        PARTITION BY event.person_id
        ORDER BY event.start_date, event.start_datetime NULLS FIRST, event.cdm_table, event.cdm_id
    )::integer AS event_number,
    event.start_date AS event_date,
    event.start_datetime AS event_datetime,
    event.cdm_table,
    event.cdm_id,
    coalesce(event.concept_id, 0) AS concept_id,
    coalesce(concept.concept_name, event.display, 'not mapped') AS concept_name,
    event.value_number AS value_as_number,
    event.unit_code AS unit,
    event.value_as_text,
    event.known_at
FROM event
LEFT JOIN {{ source('vocab', 'concept') }} AS concept
    ON event.concept_id = concept.concept_id AND concept.concept_id > 0
