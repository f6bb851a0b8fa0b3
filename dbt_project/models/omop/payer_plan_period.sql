SELECT
    coverage.payer_plan_period_key AS payer_plan_period_id,
    coverage.person_id,
    coverage.start_date AS payer_plan_period_start_date,
    coverage.end_date AS payer_plan_period_end_date,
    coalesce(payer.concept_id, 0) AS payer_concept_id,
    left(coalesce(care_site.care_site_name, coverage.payer_name), 50) AS payer_source_value,
    coalesce(payer.source_concept_id, 0) AS payer_source_concept_id,
    0 AS plan_concept_id,
    left(coverage.plan_name, 50) AS plan_source_value,
    0 AS plan_source_concept_id,
    0 AS sponsor_concept_id,
    NULL::text AS sponsor_source_value,
    0 AS sponsor_source_concept_id,
    NULL::text AS family_source_value,
    0 AS stop_reason_concept_id,
    CASE coverage.status WHEN 'cancelled' THEN coverage.status END AS stop_reason_source_value,
    0 AS stop_reason_source_concept_id
FROM {{ ref('int_payer_plan_period') }} AS coverage
LEFT JOIN {{ ref('care_site') }} AS care_site ON coverage.care_site_key = care_site.care_site_id
LEFT JOIN {{ ref('int_code') }} AS payer ON coverage.type_codings = payer.codings AND payer.target_number = 1
