-- Medications and devices that records name by reference, of the same reading of bronze as these records' rows are.
SELECT DISTINCT
    resource_key,
    named_key
FROM {{ ref('int_bronze_event') }}
WHERE named_key IS NOT NULL
