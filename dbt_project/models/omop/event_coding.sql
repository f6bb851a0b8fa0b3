-- An event's codings that are there twice count once.
SELECT
    source.cdm_table,
    source.cdm_id,
    source.person_id,
    coding.system,
    coding.code
FROM {{ ref('event_source') }} AS source
CROSS JOIN LATERAL (
    SELECT DISTINCT
        element.coding ->> 'system' AS system,
        element.coding ->> 'code' AS code
    FROM jsonb_array_elements(source.codings) AS element (coding)
    WHERE element.coding ->> 'code' IS NOT NULL AND element.coding ->> 'system' IS NOT NULL
) AS coding
