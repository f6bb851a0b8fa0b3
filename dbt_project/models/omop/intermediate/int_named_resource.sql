-- Medications and devices that records name by reference, and Tasks that reject them, of the same reading of bronze as
-- these records' rows are.
SELECT
    resource_key,
    named_key
FROM {{ ref('int_bronze_event') }}
WHERE named_key IS NOT NULL
UNION
SELECT
    resource_key,
    jsonb_array_elements_text(rejecting_keys)::bigint AS named_key
FROM {{ ref('int_bronze_event') }}
WHERE rejecting_keys IS NOT NULL
