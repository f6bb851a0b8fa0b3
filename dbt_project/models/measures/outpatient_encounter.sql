-- Finished encounters wholly inside the measurement period whose type is in a value set of qualifying encounters.
SELECT
    event.person_id,
    event.value_set,
    event.cdm_table,
    event.cdm_id,
    event.code,
    event.start_date
FROM {{ ref('measure_event') }} AS event
INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id
WHERE
    event.bronze_table = 'visit_occurrence'
    AND event.start_date >= person.period_start
    AND event.end_date <= person.last_day
    AND event.value_set IN (
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'virtual_encounter', 'telephone_visit', 'nutrition_services', 'medical_nutrition_therapy'
    )
