-- A label that nobody knows hides too, and one that hides nothing must be of the code system that says so.
SELECT DISTINCT
    resource.resource_key,
    resource.resource_type,
    CASE WHEN known.hides_rows THEN known.code ELSE 'UNKNOWN' END AS code
FROM {{ ref('int_labelled_resource') }} AS resource
CROSS JOIN LATERAL jsonb_array_elements(resource.security_labels) AS element (coding)
LEFT JOIN {{ source('access', 'sensitivity') }} AS known ON element.coding ->> 'code' = known.code
WHERE {{ label_hides() }}
