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
        'visit_detail' AS bronze_table,
        visit_detail_key AS bronze_key
    FROM {{ ref('int_place') }}
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
    UNION ALL
    SELECT
        'payer_plan_period' AS bronze_table,
        payer_plan_period_key AS bronze_key
    FROM {{ source('bronze', 'payer_plan_period') }}
    UNION ALL
    -- Those that make clinical rows are among the events.
    SELECT
        'claim_line' AS bronze_table,
        line.claim_line_key AS bronze_key
    FROM {{ source('bronze', 'claim_line') }} AS line
    LEFT JOIN {{ ref('int_claim_line') }} AS judged
        ON line.claim_line_key = judged.claim_line_key AND judged.is_clinical
    WHERE judged.claim_line_key IS NULL
),

placed AS (
    SELECT
        bronze_table,
        bronze_key
    FROM {{ ref('event_source') }}
    UNION
    SELECT
        'visit_detail' AS bronze_table,
        visit_detail_id AS bronze_key
    FROM {{ ref('visit_detail') }}
    UNION
    SELECT
        'specimen' AS bronze_table,
        specimen_id AS bronze_key
    FROM {{ ref('specimen') }}
    UNION
    SELECT
        'payer_plan_period' AS bronze_table,
        payer_plan_period_id AS bronze_key
    FROM {{ ref('payer_plan_period') }}
    UNION
    SELECT
        'claim_line' AS bronze_table,
        cost_id AS bronze_key
    FROM {{ ref('cost') }}
)

SELECT
    bronze.bronze_table,
    bronze.bronze_key
FROM bronze
LEFT JOIN placed USING (bronze_table, bronze_key)
LEFT JOIN {{ ref('dropped_row') }} AS dropped USING (bronze_table, bronze_key)
WHERE (placed.bronze_key IS NULL) = (dropped.bronze_key IS NULL)
