-- What a measure found of source persons: a row for each and group, one without a group for who is in no population of
-- it, none for who is no person of ours.
SELECT
    crosswalk.person_key,
    population.group_number,
    population.reason,
    population.initial_population,
    population.denominator,
    population.denominator_exclusion,
    population.denominator_exception,
    population.numerator,
    population.numerator_exclusion
FROM omop.person_crosswalk AS crosswalk
LEFT JOIN measures.measure_population AS population
    ON crosswalk.person_id = population.person_id AND population.measure_id = %(measure_id)s
WHERE crosswalk.person_key = any(%(person_keys)s)
ORDER BY crosswalk.person_key, population.group_number
