-- What is known of a source record: its type, outcome and person; whether labels are published as they are now, its own
-- and any that it could inherit; whether it makes rows that have some; and the labels of each of them and of itself.
WITH
own_row AS (
    SELECT
        cdm_table,
        cdm_id
    FROM omop.event_source
    WHERE resource_key = %(resource_key)s
    UNION ALL
    SELECT
        'person' AS cdm_table,
        crosswalk.person_id AS cdm_id
    FROM bronze.person AS stated
    INNER JOIN omop.person_crosswalk AS crosswalk ON stated.person_key = crosswalk.person_key
    WHERE stated.resource_key = %(resource_key)s
    UNION ALL
    SELECT
        'visit_detail' AS cdm_table,
        detail.visit_detail_id AS cdm_id
    FROM bronze.visit_detail AS place
    INNER JOIN omop.visit_detail AS detail ON place.visit_detail_key = detail.visit_detail_id
    WHERE place.resource_key = %(resource_key)s
    UNION ALL
    SELECT
        'specimen' AS cdm_table,
        specimen.specimen_id AS cdm_id
    FROM bronze.specimen AS taken
    INNER JOIN omop.specimen AS specimen ON taken.specimen_key = specimen.specimen_id
    WHERE taken.resource_key = %(resource_key)s
    UNION ALL
    SELECT
        'payer_plan_period' AS cdm_table,
        period.payer_plan_period_id AS cdm_id
    FROM bronze.payer_plan_period AS cover
    INNER JOIN omop.payer_plan_period AS period ON cover.payer_plan_period_key = period.payer_plan_period_id
    WHERE cover.resource_key = %(resource_key)s
    UNION ALL
    SELECT
        'cost' AS cdm_table,
        cost.cost_id AS cdm_id
    FROM bronze.claim_line AS line
    INNER JOIN omop.cost AS cost ON line.claim_line_key = cost.cost_id
    WHERE line.resource_key = %(resource_key)s
),

-- The labels that count of every record, as it is now.
labelled AS NOT MATERIALIZED (
    SELECT
        resource.resource_key,
        resource.changed_by,
        CASE WHEN known.hides_rows THEN known.code ELSE 'UNKNOWN' END AS code
    FROM bronze.resource AS resource
    CROSS JOIN LATERAL jsonb_array_elements(nullif(resource.security_labels, 'null')) AS element (coding)
    LEFT JOIN access.sensitivity AS known ON element.coding ->> 'code' = known.code
    WHERE
        resource.security_labels IS NOT NULL
        AND coalesce(known.hides_rows OR element.coding ->> 'system' IS DISTINCT FROM known.code_system, TRUE)
),

own_label AS (
    SELECT unnest(row_label.sensitivity) AS code
    FROM own_row
    INNER JOIN access.sensitive_row AS row_label USING (cdm_table, cdm_id)
    UNION
    -- A claim has the labels of all that it names, also where a line of it makes no row.
    SELECT code FROM omop_intermediate.int_claim_label WHERE resource_key = %(resource_key)s
    UNION
    SELECT code FROM labelled WHERE resource_key = %(resource_key)s
),

published AS (
    SELECT label_snapshot::pg_snapshot AS snapshot
    FROM omop_intermediate.int_published_snapshot
)

SELECT
    resource.resource_type,
    resource.outcome,
    resource.person_key,
    EXISTS (
        SELECT 1
        FROM published
        WHERE
            pg_visible_in_snapshot(resource.changed_by, published.snapshot)
            AND NOT EXISTS (
                SELECT 1
                FROM labelled
                WHERE
                    labelled.changed_by >= pg_snapshot_xmin(published.snapshot)
                    AND NOT pg_visible_in_snapshot(labelled.changed_by, published.snapshot)
            )
    ) AS is_published,
    EXISTS (SELECT 1 FROM own_row) AS has_rows,
    (SELECT array_agg(code) FROM own_label) AS codes
FROM bronze.resource AS resource
WHERE resource.resource_key = %(resource_key)s
