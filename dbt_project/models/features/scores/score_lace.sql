-- LACE of the latest discharge: length of stay, acuity, comorbidities known by then, emergency visits before.
WITH
diagnosis AS (
    SELECT
        known.person_id,
        known.category,
        known.cdm_table,
        known.cdm_id
    FROM {{ ref('score_diagnosis') }} AS known
    INNER JOIN {{ ref('score_stay') }} AS stay ON known.person_id = stay.person_id
    WHERE known.risk_score_id = 'lace' AND known.start_date <= stay.discharge_date
),

{{ comorbidity_points('lace') }},

-- Those before the one that ended in the stay.
emergency AS (
    SELECT
        stay.person_id,
        count(*)::integer AS visits,
        {{ deciding_rows('visit') }} AS deciding_rows
    FROM {{ ref('score_stay') }} AS stay
    INNER JOIN {{ ref('event_source') }} AS visit
        ON
            stay.person_id = visit.person_id
            AND visit.cdm_table = 'visit_occurrence'
            -- 9203: emergency room, 262: emergency room and inpatient.
            AND visit.concept_id IN (9203, 262)
            AND visit.start_date >= stay.admission_date - interval '6 months'
            AND coalesce(visit.end_date, visit.start_date) < stay.admission_date
    GROUP BY stay.person_id
),

input AS (
    SELECT
        person.person_id,
        stay.visit_occurrence_id,
        stay.is_acute,
        stay.discharge_date,
        CASE
            WHEN stay.days >= 14 THEN 7
            WHEN stay.days >= 7 THEN 5
            WHEN stay.days >= 4 THEN 4
            ELSE stay.days
        END AS stay_points,
        CASE stay.is_acute WHEN TRUE THEN 3 WHEN FALSE THEN 0 END AS acuity_points,
        CASE WHEN comorbidity.points >= 4 THEN 5 ELSE coalesce(comorbidity.points, 0) END AS comorbidity_points,
        least(coalesce(emergency.visits, 0), 4) AS emergency_points,
        coalesce(comorbidity.components, '{}'::jsonb) AS comorbidities,
        stay.deciding_rows AS stay_rows,
        comorbidity.deciding_rows AS comorbidity_rows,
        emergency.deciding_rows AS emergency_rows,
        coalesce(unjudged.unjudged_rows, '[]'::jsonb) AS unjudged_rows
    FROM {{ ref('score_person') }} AS person
    LEFT JOIN {{ ref('score_stay') }} AS stay ON person.person_id = stay.person_id
    LEFT JOIN comorbidity ON person.person_id = comorbidity.person_id
    LEFT JOIN emergency ON person.person_id = emergency.person_id
    LEFT JOIN unjudged ON person.person_id = unjudged.person_id
)

SELECT
    person_id,
    {{ score_columns('lace', 'points') }},
    (stay_points + acuity_points + comorbidity_points + emergency_points)::numeric AS score,
    {{ lacks({
        'inpatient stay that is over': 'visit_occurrence_id IS NOT NULL',
        'source of admission': 'visit_occurrence_id IS NULL OR is_acute IS NOT NULL',
    }) }} AS lacks,
    CASE
        WHEN visit_occurrence_id IS NULL THEN '{}'::jsonb
        ELSE jsonb_strip_nulls(
            jsonb_build_object(
                'discharge', discharge_date,
                'length of stay', stay_points,
                'acute admission', acuity_points,
                'comorbidity', comorbidity_points,
                'emergency visits', emergency_points,
                'comorbidities', comorbidities
            )
        )
    END AS components,
    {{ merged_rows(['stay_rows', 'comorbidity_rows', 'emergency_rows']) }} AS deciding_rows,
    unjudged_rows
FROM input
