-- Of what a person's period is computed from, the records of its first and last day.
SELECT source.resource_key
FROM omop.observation_period AS period
INNER JOIN omop.event_source AS source ON period.person_id = source.person_id
WHERE
    period.observation_period_id = %(row_id)s
    AND source.category IS DISTINCT FROM 'coverage'
    AND (
        source.start_date IN (period.observation_period_start_date, period.observation_period_end_date)
        OR source.end_date = period.observation_period_end_date
    )
UNION
SELECT specimen.resource_key
FROM omop.observation_period AS period
INNER JOIN omop.specimen AS taken ON period.person_id = taken.person_id
INNER JOIN bronze.specimen AS specimen ON taken.specimen_id = specimen.specimen_key
WHERE
    period.observation_period_id = %(row_id)s
    AND taken.specimen_date IN (period.observation_period_start_date, period.observation_period_end_date)
