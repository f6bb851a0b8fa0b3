WITH
coded AS (
    SELECT
        bronze_table,
        cdm_table,
        person_id,
        codings
    FROM {{ ref('int_event') }}
    UNION ALL
    SELECT
        'payer_plan_period' AS bronze_table,
        'payer_plan_period' AS cdm_table,
        person_id,
        type_codings AS codings
    FROM {{ ref('int_payer_plan_period') }}
    UNION ALL
    SELECT
        'claim_line' AS bronze_table,
        'cost' AS cdm_table,
        cost.person_id,
        named.codings
    FROM {{ ref('int_cost') }} AS cost
    CROSS JOIN LATERAL (VALUES (cost.revenue_codings), (cost.drg_codings)) AS named (codings)
    WHERE cost.cost_event_id IS NOT NULL
)

SELECT
    event.bronze_table,
    coalesce(code.source_system_uri, '') AS system,
    coalesce(code.source_code, '') AS code,
    event.cdm_table,
    max(code.source_concept_id) AS source_concept_id,
    count(*) AS rows,
    count(DISTINCT event.person_id) AS persons
FROM coded AS event
INNER JOIN {{ ref('int_code') }} AS code ON event.codings = code.codings
WHERE NOT code.is_mapped
GROUP BY event.bronze_table, coalesce(code.source_system_uri, ''), coalesce(code.source_code, ''), event.cdm_table
