SELECT
    event.claim_line_key,
    event.event_key,
    event.kind,
    32810 AS type_concept_id,
    coalesce(currency.concept_id, 0) AS currency_concept_id,
    event.total_charge,
    NULL::numeric AS total_cost,
    event.paid_by_payer + event.paid_by_patient AS total_paid,
    event.paid_by_payer,
    event.paid_by_patient,
    event.paid_patient_copay,
    event.paid_patient_coinsurance,
    event.paid_patient_deductible,
    event.paid_by_primary,
    NULL::numeric AS paid_ingredient_cost,
    NULL::numeric AS paid_dispensing_fee,
    event.coverage_key,
    event.amount_allowed,
    0 AS revenue_code_concept_id,
    NULL::text AS revenue_code_source_value,
    0 AS drg_concept_id,
    NULL::text AS drg_source_value,
    event.person_key
FROM bronze.claim_line AS event
LEFT JOIN vocab.concept AS currency
    ON currency.vocabulary_id = 'Currency' AND event.currency = currency.concept_code
WHERE
    event.is_adjudicated
    AND num_nonnulls(
        event.total_charge, event.amount_allowed, event.paid_by_payer, event.paid_by_patient, event.paid_patient_copay,
        event.paid_patient_coinsurance, event.paid_patient_deductible, event.paid_by_primary
    ) > 0
