-- Questions about values and units of measurements.
WITH measured AS (
    SELECT
        m.*,
        event.observed,
        m.value_as_number IS NOT NULL OR coalesce(m.value_as_concept_id, 0) <> 0 AS has_value,
        CASE
            WHEN m.value_as_number < m.range_low THEN 'Below Range Low'
            WHEN m.value_as_number <= m.range_high THEN 'Within Range'
            ELSE 'Above Range High'
        END AS place,
        m.value_as_number IS NOT NULL AND m.unit_concept_id IS NOT NULL
        AND m.range_low IS NOT NULL AND m.range_high IS NOT NULL AS has_range
    FROM event
    INNER JOIN omop.measurement AS m ON m.measurement_id = event.event_id
),

number AS (
    SELECT 'values by concept and unit' AS question, measurement_concept_id, unit_concept_id, value_as_number AS value
    FROM measured WHERE observed AND value_as_number IS NOT NULL AND unit_concept_id IS NOT NULL
    UNION ALL
    SELECT 'low ends by concept and unit', measurement_concept_id, unit_concept_id, range_low
    FROM measured WHERE observed AND has_range
    UNION ALL
    SELECT 'high ends by concept and unit', measurement_concept_id, unit_concept_id, range_high
    FROM measured WHERE observed AND has_range
)

SELECT
    question, ARRAY[measurement_concept_id::text, unit_concept_id::text], count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]::double precision[]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)::double precision[]
FROM number GROUP BY question, measurement_concept_id, unit_concept_id
UNION ALL
SELECT 'records by concept and unit', ARRAY[measurement_concept_id::text, unit_concept_id::text], count(*), NULL
FROM measured WHERE observed GROUP BY measurement_concept_id, unit_concept_id
UNION ALL
SELECT 'records with a value', '{{}}', count(*), NULL FROM measured WHERE observed AND has_value
UNION ALL
SELECT 'records without a value', '{{}}', count(*), NULL FROM measured WHERE observed AND NOT has_value
UNION ALL
SELECT 'records without a number', '{{}}', count(*), NULL FROM measured WHERE value_as_number IS NULL
UNION ALL
SELECT
    'records by concept, unit and place in the range',
    ARRAY[measurement_concept_id::text, unit_concept_id::text, place], count(*), NULL
FROM measured WHERE observed AND has_range GROUP BY measurement_concept_id, unit_concept_id, place
UNION ALL
SELECT 'records with a value by concept', ARRAY[measurement_concept_id::text], count(*), NULL
FROM measured WHERE observed AND has_value GROUP BY measurement_concept_id
UNION ALL
SELECT
    'records by concept and value', ARRAY[measurement_concept_id::text, value_as_concept_id::text], count(*), NULL
FROM measured WHERE observed GROUP BY measurement_concept_id, value_as_concept_id
UNION ALL
SELECT
    'records by concept and operator', ARRAY[measurement_concept_id::text, operator_concept_id::text], count(*), NULL
FROM measured WHERE observed GROUP BY measurement_concept_id, operator_concept_id
UNION ALL
SELECT 'records by value', ARRAY[value_as_concept_id::text], count(*), NULL
FROM measured WHERE observed GROUP BY value_as_concept_id
UNION ALL
SELECT 'records by unit', ARRAY[unit_concept_id::text], count(*), NULL
FROM measured WHERE observed GROUP BY unit_concept_id
UNION ALL
SELECT
    'share without a value by concept',
    ARRAY[
        measurement_concept_id::text,
        count(*) FILTER (WHERE NOT has_value)::text,
        (count(*) FILTER (WHERE NOT has_value)::double precision / count(*))::text
    ],
    count(*), NULL
FROM measured WHERE observed GROUP BY measurement_concept_id
