-- Open gaps of the next persons after one.
WITH next_person AS (
    SELECT DISTINCT person_id
    FROM features.care_gap
    WHERE status = 'open' AND measure_id = ANY(%(measures)s) AND person_id > %(after)s
    ORDER BY person_id
    LIMIT %(persons)s
)

SELECT
    person_id,
    measure_id,
    period_start,
    period_end,
    as_of
FROM features.care_gap INNER JOIN next_person USING (person_id)
WHERE status = 'open' AND measure_id = ANY(%(measures)s)
ORDER BY person_id, measure_id
