-- Labels of every row that a source record makes, and of the record as it is now: it may have changed since the build.
SELECT array_agg(DISTINCT label.code)
FROM (
    SELECT unnest(row_label.sensitivity) AS code
    FROM access.sensitive_row AS row_label
    WHERE row_label.cdm_id IN (
        SELECT cdm_id FROM omop.event_source WHERE resource_key = %(resource_key)s
        UNION ALL
        SELECT visit_detail_key FROM bronze.visit_detail WHERE resource_key = %(resource_key)s
        UNION ALL
        SELECT specimen_key FROM bronze.specimen WHERE resource_key = %(resource_key)s
        UNION ALL
        SELECT payer_plan_period_key FROM bronze.payer_plan_period WHERE resource_key = %(resource_key)s
        UNION ALL
        SELECT claim_line_key FROM bronze.claim_line WHERE resource_key = %(resource_key)s
    )
    UNION ALL
    -- A claim that makes no row of its own has the labels of all that it names.
    SELECT code FROM omop_intermediate.int_claim_label WHERE resource_key = %(resource_key)s
    UNION ALL
    SELECT CASE WHEN known.hides_rows THEN known.code ELSE 'UNKNOWN' END AS code
    FROM bronze.resource AS resource
    CROSS JOIN LATERAL jsonb_array_elements(resource.security_labels) AS element (coding)
    LEFT JOIN access.sensitivity AS known ON element.coding ->> 'code' = known.code
    WHERE
        resource.resource_key = %(resource_key)s
        AND coalesce(known.hides_rows OR element.coding ->> 'system' IS DISTINCT FROM known.code_system, TRUE)
) AS label
