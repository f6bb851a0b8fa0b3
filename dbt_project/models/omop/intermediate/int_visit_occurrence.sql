-- The visits that omop has, each with the person and start that its events take over.
SELECT
    visit.visit_occurrence_key AS visit_occurrence_id,
    crosswalk.person_id,
    visit.visit_start_date,
    visit.visit_start_datetime
FROM {{ ref('int_encounter') }} AS visit
INNER JOIN {{ ref('int_visit') }} AS top
    ON visit.visit_occurrence_key = top.visit_key AND top.visit_key = top.visit_occurrence_id
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON visit.person_key = crosswalk.person_key
WHERE visit.visit_start_date IS NOT NULL
