-- Inpatient visits of which one begins before, on or one day after the last day of another are one stay: a transfer is
-- no readmission. A stay that has not ended, as far as it was known, lasts until the day itself.
WITH
day AS (
    {{ feature_days() }}
),

visit AS (
    SELECT
        visit.*,
        day.as_of,
        CASE
            WHEN visit.visit_end_date <= day.as_of THEN greatest(visit.visit_end_date, visit.visit_start_date)
            WHEN visit.visit_end_date IS NULL AND visit.status = 'finished' THEN visit.visit_start_date
        END AS discharge_date
    FROM {{ ref('known_visit') }} AS visit
    INNER JOIN day
        ON
            {{ known_on('visit', 'day.as_of') }}
            AND visit.visit_start_date <= day.as_of
    WHERE visit.visit_concept_id IN ({{ inpatient_visits() }})
),

ordered AS (
    SELECT
        visit.*,
        max(coalesce(visit.discharge_date, visit.as_of)) OVER (
            PARTITION BY visit.person_id, visit.as_of
            ORDER BY visit.visit_start_date, visit.visit_start_datetime NULLS FIRST, visit.visit_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_day_before
    FROM visit
),

numbered AS (
    SELECT
        ordered.*,
        count(*) FILTER (
            WHERE
            ordered.last_day_before IS NULL
            OR ordered.visit_start_date > ordered.last_day_before + {{ var('transfer_days') }}
        ) OVER (
            PARTITION BY ordered.person_id, ordered.as_of
            ORDER BY ordered.visit_start_date, ordered.visit_start_datetime NULLS FIRST, ordered.visit_id
        ) AS stay_number
    FROM ordered
),

stay AS (
    SELECT
        person_id,
        as_of,
        stay_number,
        (array_agg(visit_id ORDER BY visit_start_date, visit_start_datetime NULLS FIRST, visit_id))[1] AS visit_id,
        min(visit_start_date) AS admission_date,
        CASE WHEN bool_and(discharge_date IS NOT NULL) THEN max(discharge_date) END AS discharge_date,
        count(*)::integer AS visits,
        (array_agg(discharged_to ORDER BY discharge_date DESC, visit_id ASC))[1] AS discharged_to
    FROM numbered
    GROUP BY person_id, as_of, stay_number
),

stay_label AS (
    SELECT
        numbered.person_id,
        numbered.as_of,
        numbered.stay_number,
        {{ all_labels('label.code') }} AS sensitivity
    FROM numbered
    CROSS JOIN LATERAL unnest(numbered.sensitivity) AS label (code)
    GROUP BY numbered.person_id, numbered.as_of, numbered.stay_number
),

followed AS (
    SELECT
        stay.*,
        coalesce(stay_label.sensitivity, '{}') AS own_sensitivity,
        lead(stay.visit_id) OVER next_stay AS next_visit_id,
        lead(stay.admission_date) OVER next_stay AS next_admission_date,
        coalesce(lead(stay_label.sensitivity) OVER next_stay, '{}') AS next_sensitivity
    FROM stay
    LEFT JOIN stay_label
        ON
            stay.person_id = stay_label.person_id
            AND stay.as_of = stay_label.as_of
            AND stay.stay_number = stay_label.stay_number
    WINDOW next_stay AS (PARTITION BY stay.person_id, stay.as_of ORDER BY stay.stay_number)
)

SELECT
    person_id,
    as_of,
    visit_id AS index_visit_id,
    admission_date,
    discharge_date,
    visits,
    discharged_to,
    -- UB-04 form locator 17 and FHIR's discharge disposition.
    coalesce(discharged_to IN ('exp', '20', '40', '41', '42'), FALSE) AS has_died_in_stay,
    next_visit_id,
    next_admission_date,
    next_admission_date - discharge_date AS days_to_next_admission,
    coalesce(next_admission_date - discharge_date <= {{ var('readmission_days') }}, FALSE)
        AS is_readmitted_within_30_days,
    coalesce(
        next_admission_date - discharge_date <= {{ var('readmission_days') }}
        OR as_of - discharge_date >= {{ var('readmission_days') }},
        FALSE
    ) AS is_followed_for_30_days,
    {{ both_labels('own_sensitivity', 'next_sensitivity') }} AS sensitivity
FROM followed
