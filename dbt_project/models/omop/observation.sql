-- Of an allergy the concept says what kind it is and the value which substance; a finding such as "no known allergy",
-- known by its concept or else by its words, is no substance and stands for itself. Of an order, what was not done, an
-- adverse event and a goal the concept says that and the value what: who looks for a procedure doesn't find its order.
WITH
kind_concept AS (
    SELECT
        kind.kind,
        min(concept.concept_id) AS concept_id
    FROM (
        VALUES
        ('service-order', '385644000'),
        ('device-order', '385644000'),
        ('not-done', '416237000'),
        ('adverse-event', '281647001'),
        ('goal', '410518001')
    ) AS kind (kind, snomed_code)
    INNER JOIN {{ source('vocab', 'concept') }} AS concept
        ON
            kind.snomed_code = concept.concept_code
            AND concept.vocabulary_id = 'SNOMED'
            AND concept.standard_concept = 'S'
            AND concept.invalid_reason IS NULL
    GROUP BY kind.kind
),

said AS (
    SELECT
        event.event_id,
        CASE
            WHEN event.kind = 'allergy' THEN coalesce(kind_map.target_concept_id, 0)
            ELSE coalesce(kind_concept.concept_id, 0)
        END AS kind_concept_id,
        event.kind <> 'allergy'
        OR (
            coalesce(code.domain_id NOT IN ('Condition', 'Observation'), TRUE)
            AND concat_ws(' ', observed.code_text, observed.codings -> 0 ->> 'display') !~* '\m(nkd?a|no known)\M'
        ) AS is_about_a_thing,
        -- A request is an order, whatever it asks for.
        CASE WHEN observed.qualifier LIKE '%Request' THEN 32833 END AS type_concept_id,
        reason.concept_id AS reason_concept_id,
        left(coalesce(reason.source_code, observed.reason_text), 50) AS reason_source_value
    FROM {{ ref('int_event') }} AS event
    INNER JOIN {{ source('bronze', 'observation') }} AS observed
        ON event.bronze_table = 'observation' AND event.bronze_key = observed.observation_key
    LEFT JOIN {{ ref('int_code') }} AS code ON event.codings = code.codings AND code.target_number = 1
    LEFT JOIN {{ ref('int_code') }} AS reason
        ON observed.reason_codings = reason.codings AND reason.target_number = 1
    LEFT JOIN kind_concept ON event.kind = kind_concept.kind
    LEFT JOIN {{ ref('source_to_concept_map') }} AS kind_map
        ON
            kind_map.source_vocabulary_id = 'allergy-category'
            AND coalesce(observed.qualifier, 'allergy') || ':' || observed.category = kind_map.source_code
    WHERE event.kind <> 'diagnostic-report'
)

SELECT
    event.event_id AS observation_id,
    event.person_id,
    CASE WHEN said.is_about_a_thing THEN said.kind_concept_id ELSE event.concept_id END AS observation_concept_id,
    event.start_date AS observation_date,
    event.start_datetime AS observation_datetime,
    coalesce(
        event.claim_type_concept_id, said.type_concept_id, type_map.target_concept_id, 32817
    ) AS observation_type_concept_id,
    measured.value_number AS value_as_number,
    left(measured.value_text, 60) AS value_as_string,
    CASE
        WHEN said.is_about_a_thing THEN event.concept_id
        ELSE coalesce(value_code.concept_id, event.value_as_concept_id, value_flag.target_concept_id)
    END AS value_as_concept_id,
    coalesce(said.reason_concept_id, judgement.target_concept_id, 0) AS qualifier_concept_id,
    unit.unit_concept_id,
    event.provider_id,
    event.visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    event.source_value AS observation_source_value,
    event.source_concept_id AS observation_source_concept_id,
    left(coalesce(measured.unit_source_value, measured.unit_code), 50) AS unit_source_value,
    left(
        coalesce(
            event.verification_status,
            said.reason_source_value,
            measured.interpretation_codings -> 0 ->> 'code'
        ), 50
    ) AS qualifier_source_value,
    left(coalesce(value_code.source_code, measured.value_text), 50) AS value_source_value,
    NULL::bigint AS observation_event_id,
    NULL::integer AS obs_event_field_concept_id
FROM {{ ref('int_event') }} AS event
LEFT JOIN said ON event.event_id = said.event_id
LEFT JOIN {{ source('bronze', 'measurement') }} AS measured
    ON event.bronze_table = 'measurement' AND event.bronze_key = measured.measurement_key
LEFT JOIN {{ ref('int_code') }} AS value_code
    ON measured.value_codings = value_code.codings AND value_code.target_number = 1
LEFT JOIN {{ ref('int_unit') }} AS unit ON coalesce(measured.unit_code, measured.unit_source_value) = unit.unit
LEFT JOIN {{ ref('source_to_concept_map') }} AS value_flag
    ON
        value_flag.source_vocabulary_id = 'observation-boolean'
        AND measured.value_boolean::text = value_flag.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS judgement
    ON
        judgement.source_vocabulary_id = 'observation-interpretation'
        AND measured.interpretation_codings -> 0 ->> 'code' = judgement.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS type_map
    ON
        type_map.source_vocabulary_id = 'observation-category'
        AND {{ category_by_who_reported() }} = type_map.source_code
WHERE event.cdm_table = 'observation'
