SELECT
    person_id,
    measure_id,
    period_start,
    period_end,
    as_of
FROM features.care_gap
WHERE status = 'open' AND measure_id = ANY(%(measures)s)
ORDER BY person_id, measure_id
