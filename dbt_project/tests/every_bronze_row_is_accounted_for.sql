{{ config(meta={'dagster': {'ref': {'name': 'dropped_row'}}}) }}
-- A clinical row of bronze is in omop or in dropped_row with its reason, never in neither and never in both.
WITH
bronze AS (
    SELECT
        bronze_table,
        bronze_key
    FROM {{ ref('int_bronze_event') }}
    UNION ALL
    SELECT
        'visit_occurrence' AS bronze_table,
        visit_occurrence_key AS bronze_key
    FROM {{ source('bronze', 'visit_occurrence') }}
    UNION ALL
    SELECT
        'note' AS bronze_table,
        note_key AS bronze_key
    FROM {{ source('bronze', 'note') }}
    UNION ALL
    SELECT
        'specimen' AS bronze_table,
        specimen_key AS bronze_key
    FROM {{ source('bronze', 'specimen') }}
),

placed AS (
    SELECT
        bronze_table,
        bronze_key
    FROM {{ ref('event_source') }}
    UNION
    SELECT
        'specimen' AS bronze_table,
        specimen_id AS bronze_key
    FROM {{ ref('specimen') }}
)

SELECT
    bronze.bronze_table,
    bronze.bronze_key
FROM bronze
LEFT JOIN placed USING (bronze_table, bronze_key)
LEFT JOIN {{ ref('dropped_row') }} AS dropped USING (bronze_table, bronze_key)
WHERE (placed.bronze_key IS NULL) = (dropped.bronze_key IS NULL)
