WITH
event AS (
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        start_date,
        start_datetime,
        known_at,
        source_system,
        resource_key,
        concept_id,
        -- What was ordered, not done, striven for or only thought of must not read as if it had happened, nor what
        -- only a claim tells as if somebody had recorded it.
        CASE kind
            WHEN 'service-order' THEN 'Ordered: '
            WHEN 'device-order' THEN 'Ordered: '
            WHEN 'not-done' THEN 'Not done: '
            WHEN 'adverse-event' THEN 'Adverse event: '
            WHEN 'goal' THEN 'Goal: '
            WHEN 'claim' THEN 'Billed: '
            ELSE
                CASE verification_status
                    WHEN 'unconfirmed' THEN 'Unconfirmed: '
                    WHEN 'provisional' THEN 'Provisional: '
                    WHEN 'differential' THEN 'Differential: '
                    WHEN 'refuted' THEN 'Refuted: '
                    ELSE ''
                END
        END AS prefix,
        codings -> 0 ->> 'display' AS display,
        value_number,
        unit_code,
        coalesce(value_text, value_codings -> 0 ->> 'display') AS value_as_text
    FROM {{ ref('event_source') }}
    -- How somebody is insured, month by month, is nothing that happened to them.
    WHERE start_date <= {{ as_of() }} AND category IS DISTINCT FROM 'coverage'
)

SELECT
    event.person_id,
    event.start_date AS event_date,
    event.start_datetime AS event_datetime,
    event.cdm_table,
    event.cdm_id,
    event.concept_id,
    event.prefix || coalesce(concept.concept_name, event.display, 'not mapped') AS concept_name,
    event.value_number AS value_as_number,
    event.unit_code AS unit,
    event.value_as_text,
    event.known_at,
    event.source_system,
    event.resource_key,
    coalesce(label.sensitivity, '{}') AS sensitivity
FROM event
LEFT JOIN {{ source('vocab', 'concept') }} AS concept
    ON event.concept_id = concept.concept_id AND concept.concept_id > 0
LEFT JOIN {{ ref('int_sensitive_row') }} AS label
    ON event.cdm_table = label.cdm_table AND event.cdm_id = label.cdm_id
