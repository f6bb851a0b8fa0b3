-- A label that nobody knows hides too.
SELECT DISTINCT
    resource.resource_key,
    resource.resource_type,
    coalesce(known.code, 'UNKNOWN') AS code
FROM {{ source('bronze', 'resource') }} AS resource
CROSS JOIN LATERAL jsonb_array_elements(resource.security_labels) AS element (coding)
LEFT JOIN {{ source('access', 'sensitivity') }} AS known ON element.coding ->> 'code' = known.code
WHERE coalesce(known.hides_rows, TRUE)
