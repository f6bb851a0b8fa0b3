-- What drugs and procedures cost.
WITH priced AS (
    SELECT 'drugs' AS things, drug_exposure_id AS event_id, drug_concept_id AS concept_id, 'Drug' AS cost_domain_id
    FROM omop.drug_exposure
    UNION ALL
    SELECT 'procedures', procedure_occurrence_id, procedure_concept_id, 'Procedure' FROM omop.procedure_occurrence
),

amount AS (
    SELECT
        format('%s of %s', found.name, priced.things) AS question,
        priced.concept_id,
        found.value::double precision AS value
    FROM omop.cost AS price
    INNER JOIN priced ON price.cost_event_id = priced.event_id AND price.cost_domain_id = priced.cost_domain_id
    CROSS JOIN LATERAL (
        VALUES
        ('paid_patient_copay', price.paid_patient_copay),
        ('paid_patient_coinsurance', price.paid_patient_coinsurance),
        ('paid_patient_deductible', price.paid_patient_deductible),
        ('paid_by_payer', price.paid_by_payer),
        ('paid_by_primary', price.paid_by_primary),
        ('paid_by_patient', price.paid_by_patient),
        ('total_paid', price.total_paid),
        ('paid_ingredient_cost', price.paid_ingredient_cost),
        ('paid_dispensing_fee', price.paid_dispensing_fee),
        ('total_cost', price.total_cost)
    ) AS found (name, value)
    WHERE found.value IS NOT NULL
)

SELECT
    question, ARRAY[concept_id::text], count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)
FROM amount GROUP BY question, concept_id
