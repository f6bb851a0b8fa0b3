-- Visits that began within the window, and days of it on which the person was in hospital.
WITH
day AS (
    {{ feature_days() }}
),

span AS (
    SELECT days AS window_days
    FROM (VALUES (30), (90), (365)) AS given (days)
),

known AS (
    SELECT
        visit.*,
        day.as_of
    FROM {{ ref('known_visit') }} AS visit
    INNER JOIN day
        ON
            {{ known_on('visit', 'day.as_of') }}
            AND visit.visit_start_date <= day.as_of
),

-- What is part of another visit counts with that. Of two that are each part of the other both count.
visit AS (
    SELECT known.*
    FROM known
    LEFT JOIN known AS whole
        ON
            known.person_id = whole.person_id
            AND known.as_of = whole.as_of
            AND known.parent_visit_id = whole.visit_id
            AND known.visit_id IS DISTINCT FROM whole.parent_visit_id
            AND known.visit_id <> whole.visit_id
    WHERE whole.visit_id IS NULL
),

counted AS (
    SELECT
        visit.person_id,
        visit.as_of,
        span.window_days,
        (visit.visit_concept_id IN ({{ emergency_visits() }}))::integer AS emergency_visits,
        (visit.visit_concept_id IN ({{ outpatient_visits() }}))::integer AS outpatient_visits,
        0 AS inpatient_stays,
        0 AS inpatient_days,
        visit.sensitivity
    FROM visit
    INNER JOIN span ON visit.visit_start_date > visit.as_of - span.window_days
    WHERE visit.visit_concept_id IN ({{ emergency_visits() }}, {{ outpatient_visits() }})
    UNION ALL
    SELECT
        stay.person_id,
        stay.as_of,
        span.window_days,
        0 AS emergency_visits,
        0 AS outpatient_visits,
        (stay.admission_date > stay.as_of - span.window_days)::integer AS inpatient_stays,
        coalesce(stay.discharge_date, stay.as_of)
        - greatest(stay.admission_date, stay.as_of - span.window_days + 1)
        + 1 AS inpatient_days,
        -- The label of the stay after it holds for that one alone, which is counted too.
        stay.sensitivity
    FROM {{ ref('readmission') }} AS stay
    INNER JOIN span ON coalesce(stay.discharge_date, stay.as_of) > stay.as_of - span.window_days
),

summed AS (
    SELECT
        person_id,
        as_of,
        window_days,
        sum(emergency_visits)::integer AS emergency_visits,
        sum(outpatient_visits)::integer AS outpatient_visits,
        sum(inpatient_stays)::integer AS inpatient_stays,
        sum(inpatient_days)::integer AS inpatient_days
    FROM counted
    GROUP BY person_id, as_of, window_days
),

count_label AS (
    SELECT
        counted.person_id,
        counted.as_of,
        counted.window_days,
        {{ all_labels('label.code') }} AS sensitivity
    FROM counted
    CROSS JOIN LATERAL unnest(counted.sensitivity) AS label (code)
    GROUP BY counted.person_id, counted.as_of, counted.window_days
)

SELECT
    summed.person_id,
    summed.as_of,
    summed.window_days,
    summed.emergency_visits,
    summed.outpatient_visits,
    summed.inpatient_stays,
    summed.inpatient_days,
    coalesce(count_label.sensitivity, '{}') AS sensitivity
FROM summed
LEFT JOIN count_label
    ON
        summed.person_id = count_label.person_id
        AND summed.as_of = count_label.as_of
        AND summed.window_days = count_label.window_days
