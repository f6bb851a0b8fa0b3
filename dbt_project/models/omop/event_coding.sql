SELECT DISTINCT
    source.cdm_table,
    source.cdm_id,
    source.person_id,
    element.coding ->> 'system' AS system,
    element.coding ->> 'code' AS code
FROM {{ ref('event_source') }} AS source
CROSS JOIN LATERAL jsonb_array_elements(source.codings) AS element (coding)
WHERE element.coding ->> 'code' IS NOT NULL AND element.coding ->> 'system' IS NOT NULL
