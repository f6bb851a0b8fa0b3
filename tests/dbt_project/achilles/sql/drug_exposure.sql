-- Questions about the amounts of drugs.
WITH amount AS (
    SELECT
        found.question,
        event.concept_id,
        found.value::double precision AS value
    FROM event
    INNER JOIN omop.drug_exposure AS d ON d.drug_exposure_id = event.event_id
    CROSS JOIN LATERAL (
        VALUES
        ('days of supply by concept', d.days_supply), ('refills by concept', d.refills),
        ('quantity by concept', d.quantity)
    ) AS found (question, value)
    WHERE event.observed AND found.value IS NOT NULL
)

SELECT
    question, ARRAY[concept_id::text], count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)
FROM amount GROUP BY question, concept_id
