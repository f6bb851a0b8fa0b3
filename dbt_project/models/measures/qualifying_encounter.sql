-- Finished encounters wholly inside the measurement period, by the value sets of their type.
SELECT
    event.person_id,
    event.value_set,
    event.cdm_table,
    event.cdm_id,
    event.code,
    event.kind AS class_code,
    event.start_date,
    event.end_date,
    event.start_datetime,
    event.end_datetime
FROM {{ ref('measure_event') }} AS event
INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id
WHERE
    event.bronze_table = 'visit_occurrence'
    AND event.start_date >= person.period_start
    AND event.end_date <= person.last_day
