SELECT
    person_id,
    measure_id,
    initial_population,
    denominator_exclusion,
    numerator,
    reason,
    deciding_rows,
    last_event_date
FROM {{ ref('cms122') }}
UNION ALL
SELECT
    person_id,
    measure_id,
    initial_population,
    denominator_exclusion,
    numerator,
    reason,
    deciding_rows,
    last_event_date
FROM {{ ref('cms130') }}
UNION ALL
SELECT
    person_id,
    measure_id,
    initial_population,
    denominator_exclusion,
    numerator,
    reason,
    deciding_rows,
    last_event_date
FROM {{ ref('cms165') }}
