SELECT
    cost.claim_line_key AS cost_id,
    cost.cost_event_id,
    CASE cost.event_cdm_table
        WHEN 'visit_occurrence' THEN 'Visit'
        WHEN 'procedure_occurrence' THEN 'Procedure'
        WHEN 'drug_exposure' THEN 'Drug'
        WHEN 'device_exposure' THEN 'Device'
        WHEN 'measurement' THEN 'Measurement'
        WHEN 'condition_occurrence' THEN 'Condition'
        ELSE 'Observation'
    END AS cost_domain_id,
    coalesce(claim_type.target_concept_id, 32810) AS cost_type_concept_id,
    coalesce(currency_map.target_concept_id, currency.concept_id, 0) AS currency_concept_id,
    cost.total_charge,
    NULL::numeric AS total_cost,
    -- What an earlier payer paid is in that payer's answer.
    CASE
        WHEN num_nonnulls(cost.paid_by_payer, cost.patient_share) > 0
            THEN coalesce(cost.paid_by_payer, 0) + coalesce(cost.patient_share, 0)
    END AS total_paid,
    cost.paid_by_payer,
    cost.patient_share AS paid_by_patient,
    cost.paid_patient_copay,
    cost.paid_patient_coinsurance,
    cost.paid_patient_deductible,
    cost.paid_by_primary,
    NULL::numeric AS paid_ingredient_cost,
    NULL::numeric AS paid_dispensing_fee,
    period.payer_plan_period_id,
    cost.amount_allowed,
    coalesce(revenue.concept_id, 0) AS revenue_code_concept_id,
    left(revenue.source_code, 50) AS revenue_code_source_value,
    coalesce(drg.concept_id, 0) AS drg_concept_id,
    CASE WHEN length(drg.source_code) <= 3 THEN drg.source_code END AS drg_source_value,
    cost.person_id
FROM {{ ref('int_cost') }} AS cost
LEFT JOIN {{ ref('visit_occurrence') }} AS visit ON cost.visit_occurrence_id = visit.visit_occurrence_id
LEFT JOIN {{ ref('source_to_concept_map') }} AS claim_type
    ON
        claim_type.source_vocabulary_id = 'claim-type'
        AND CASE
            -- Where the claim doesn't say it, the visit does.
            WHEN cost.claim_type = 'institutional' AND visit.visit_concept_id IN (9201, 262) THEN 'inpatient'
            WHEN cost.claim_type = 'institutional' AND visit.visit_concept_id > 0 THEN 'outpatient'
            ELSE cost.claim_type
        END || CASE cost.kind WHEN 'header' THEN ':header' ELSE ':detail' END = claim_type.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS currency_map
    ON currency_map.source_vocabulary_id = 'currency' AND cost.currency = currency_map.source_code
LEFT JOIN {{ source('vocab', 'concept') }} AS currency
    ON currency.vocabulary_id = 'Currency' AND cost.currency = currency.concept_code
LEFT JOIN {{ ref('payer_plan_period') }} AS period
    ON cost.coverage_key = period.payer_plan_period_id AND cost.person_id = period.person_id
LEFT JOIN {{ ref('int_code') }} AS revenue ON cost.revenue_codings = revenue.codings AND revenue.target_number = 1
LEFT JOIN {{ ref('int_code') }} AS drg ON cost.drg_codings = drg.codings AND drg.target_number = 1
WHERE cost.cost_event_id IS NOT NULL
