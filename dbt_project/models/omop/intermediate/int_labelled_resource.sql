-- What sources label, as it was when this build began to read labels: int_published_label says when that is published.
SELECT
    resource_key,
    resource_type,
    security_labels
FROM {{ source('bronze', 'resource') }}
WHERE security_labels IS NOT NULL
