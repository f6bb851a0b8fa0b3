-- Days from death to the last record of each kind. Achilles computes the percentiles of 'last condition' in another way
-- than all others: the greatest value of a rank below the share, and -9999 if there is none.
WITH last_record AS (
    SELECT 'last condition' AS question, person_id, condition_start_date AS day FROM omop.condition_occurrence
    UNION ALL
    SELECT 'last drug', person_id, drug_exposure_start_date FROM omop.drug_exposure
    UNION ALL
    SELECT 'last visit', person_id, visit_start_date FROM omop.visit_occurrence
    UNION ALL
    SELECT 'last procedure', person_id, procedure_date FROM omop.procedure_occurrence
    UNION ALL
    SELECT 'last observation', person_id, observation_date FROM omop.observation
),

after_death AS (
    SELECT last_record.question, max(last_record.day) - death.death_date AS value
    FROM last_record
    INNER JOIN omop.death USING (person_id)
    INNER JOIN omop.observation_period AS period
        ON
            last_record.person_id = period.person_id
            AND last_record.day BETWEEN period.observation_period_start_date AND period.observation_period_end_date
    GROUP BY last_record.question, last_record.person_id, death.death_date
),

ranked AS (
    SELECT value, row_number() OVER (ORDER BY value)::numeric / (count(*) OVER () + 1) AS share
    FROM after_death WHERE question = 'last condition'
)

SELECT
    question, '{{}}'::text[], count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)::double precision[]
FROM after_death WHERE question <> 'last condition' GROUP BY question
UNION ALL
SELECT
    'last condition', '{{}}'::text[], count(*),
    ARRAY[
        min(value), max(value), avg(value), stddev_samp(value),
        coalesce(max(value) FILTER (WHERE share <= 0.5), -9999),
        coalesce(max(value) FILTER (WHERE share <= 0.1), -9999),
        coalesce(max(value) FILTER (WHERE share <= 0.25), -9999),
        coalesce(max(value) FILTER (WHERE share <= 0.75), -9999),
        coalesce(max(value) FILTER (WHERE share <= 0.9), -9999)
    ]
FROM ranked
