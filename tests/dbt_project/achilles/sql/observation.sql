-- Questions about values and units of observations.
WITH seen AS (
    SELECT o.*, event.observed
    FROM event
    INNER JOIN omop.observation AS o ON o.observation_id = event.event_id
)

SELECT
    'values by concept and unit', ARRAY[observation_concept_id::text, unit_concept_id::text], count(*),
    ARRAY[min(value_as_number), max(value_as_number), avg(value_as_number), stddev_samp(value_as_number)]::double precision[]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value_as_number)::double precision[]
FROM seen WHERE observed AND value_as_number IS NOT NULL AND unit_concept_id IS NOT NULL
GROUP BY observation_concept_id, unit_concept_id
UNION ALL
SELECT 'records by concept and unit', ARRAY[observation_concept_id::text, unit_concept_id::text], count(*), NULL
FROM seen WHERE observed GROUP BY observation_concept_id, unit_concept_id
UNION ALL
SELECT 'records without a value', '{{}}', count(*), NULL
FROM seen WHERE num_nonnulls(value_as_number, value_as_string, value_as_concept_id) = 0
UNION ALL
SELECT
    'records by concept and value', ARRAY[observation_concept_id::text, value_as_concept_id::text], count(*), NULL
FROM seen WHERE observed GROUP BY observation_concept_id, value_as_concept_id
UNION ALL
SELECT
    'records by concept and qualifier', ARRAY[observation_concept_id::text, qualifier_concept_id::text], count(*), NULL
FROM seen WHERE observed GROUP BY observation_concept_id, qualifier_concept_id
UNION ALL
SELECT 'records by value', ARRAY[value_as_concept_id::text], count(*), NULL
FROM seen WHERE observed GROUP BY value_as_concept_id
UNION ALL
SELECT 'records by unit', ARRAY[unit_concept_id::text], count(*), NULL
FROM seen WHERE observed GROUP BY unit_concept_id
