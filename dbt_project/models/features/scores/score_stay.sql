-- Each person's latest stay that is over, whose discharge LACE and HOSPITAL look at.
WITH
visit AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        source.start_date,
        source.end_date,
        source.concept_id,
        visit.admitted_from_concept_id,
        visit.provider_id,
        visit.care_site_id
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ ref('visit_occurrence') }} AS visit ON source.cdm_id = visit.visit_occurrence_id
    WHERE source.cdm_table = 'visit_occurrence' AND source.start_date <= {{ as_of() }}
),

stay AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        cdm_table,
        cdm_id,
        start_date,
        end_date,
        concept_id,
        admitted_from_concept_id,
        provider_id,
        care_site_id
    FROM visit
    -- 9201: inpatient, 262: emergency room and inpatient.
    WHERE concept_id IN (9201, 262) AND end_date BETWEEN start_date AND {{ as_of() }}
    ORDER BY person_id ASC, end_date DESC, start_date DESC, cdm_id ASC
),

-- The visit to the emergency department that ended in the stay.
emergency AS (
    SELECT DISTINCT ON (stay.person_id)
        stay.person_id,
        visit.cdm_table,
        visit.cdm_id
    FROM stay
    INNER JOIN visit
        ON
            stay.person_id = visit.person_id
            AND stay.start_date = visit.end_date
            AND stay.start_date >= visit.start_date
            AND visit.concept_id = 9203
    ORDER BY stay.person_id ASC, visit.start_date DESC, visit.cdm_id ASC
),

emergency_part AS (
    SELECT DISTINCT ON (stay.person_id)
        stay.person_id,
        'visit_detail' AS cdm_table,
        part.visit_detail_id AS cdm_id
    FROM stay
    INNER JOIN {{ ref('visit_detail') }} AS part
        ON stay.cdm_id = part.visit_occurrence_id AND part.visit_detail_concept_id = 9203
    ORDER BY stay.person_id ASC, part.visit_detail_id ASC
)

SELECT
    stay.person_id,
    stay.cdm_id AS visit_occurrence_id,
    stay.start_date AS admission_date,
    stay.end_date AS discharge_date,
    stay.end_date - stay.start_date AS days,
    stay.provider_id,
    stay.care_site_id,
    CASE
        -- 8870: emergency room.
        WHEN stay.concept_id = 262 OR stay.admitted_from_concept_id = 8870 THEN TRUE
        WHEN emergency.cdm_id IS NOT NULL OR emergency_part.cdm_id IS NOT NULL THEN TRUE
        WHEN stay.admitted_from_concept_id > 0 THEN FALSE
    END AS is_acute,
    {{ deciding_row('stay') }}
    || CASE WHEN emergency.cdm_id IS NULL THEN '[]'::jsonb ELSE {{ deciding_row('emergency') }} END
    || CASE WHEN emergency_part.cdm_id IS NULL THEN '[]'::jsonb ELSE {{ deciding_row('emergency_part') }} END
        AS deciding_rows
FROM stay
LEFT JOIN emergency ON stay.person_id = emergency.person_id
LEFT JOIN emergency_part ON stay.person_id = emergency_part.person_id
