-- Questions about stays: how long, where, and how they ended.
WITH stay AS (
    SELECT event.*, v.discharged_to_concept_id, site.place_of_service_concept_id
    FROM event
    INNER JOIN omop.visit_occurrence AS v ON v.visit_occurrence_id = event.event_id
    LEFT JOIN omop.care_site AS site ON site.care_site_id = event.care_site_id
),

within_period AS (
    SELECT stay.concept_id, stay.end_date - stay.start_date AS value
    FROM stay
    INNER JOIN omop.observation_period AS period
        ON
            stay.person_id = period.person_id
            AND stay.start_date >= period.observation_period_start_date
            AND stay.end_date <= period.observation_period_end_date
)

SELECT
    'days by concept, wholly observed', ARRAY[concept_id::text], count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)::double precision[]
FROM within_period GROUP BY concept_id
UNION ALL
SELECT 'records by place of service', ARRAY[place_of_service_concept_id::text], count(*), NULL
FROM stay WHERE place_of_service_concept_id IS NOT NULL GROUP BY place_of_service_concept_id
UNION ALL
SELECT 'records by discharge', ARRAY[discharged_to_concept_id::text], count(*), NULL
FROM stay WHERE observed AND discharged_to_concept_id <> 0 GROUP BY discharged_to_concept_id
