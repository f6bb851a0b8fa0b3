-- What a measure found of source persons: a row for each and group, one without a group for who is in no population of
-- it, none for who is no person of ours.
SELECT
    crosswalk.person_key,
    CASE WHEN population.person_id IS NOT NULL THEN coalesce((population.one ->> 'group_number')::integer, 1) END
        AS group_number,
    population.reason,
    (population.one ->> 'initial_population')::boolean AS initial_population,
    coalesce(population.one ->> 'denominator', population.one ->> 'initial_population')::boolean AS denominator,
    (population.one ->> 'denominator_exclusion')::boolean AS denominator_exclusion,
    (population.one ->> 'denominator_exception')::boolean AS denominator_exception,
    (population.one ->> 'numerator')::boolean AS numerator,
    (population.one ->> 'numerator_exclusion')::boolean AS numerator_exclusion
FROM omop.person_crosswalk AS crosswalk
LEFT JOIN (
    SELECT
        person_id,
        reason,
        to_jsonb(measure_population.*) AS one
    FROM measures.measure_population
    WHERE measure_id = %(measure_id)s
) AS population ON crosswalk.person_id = population.person_id
WHERE crosswalk.person_key = any(%(person_keys)s)
ORDER BY crosswalk.person_key, group_number
