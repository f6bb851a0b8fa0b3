-- HOSPITAL of the latest discharge.
WITH
stay AS (
    SELECT
        person_id,
        visit_occurrence_id,
        admission_date,
        discharge_date,
        days,
        provider_id,
        care_site_id,
        is_acute,
        deciding_rows
    FROM {{ ref('score_stay') }}
),

-- The last value of the stay is that at discharge.
result AS (
    SELECT DISTINCT ON (stay.person_id, value.measurement_name)
        stay.person_id,
        value.measurement_name,
        value.score_value,
        value.score_unit,
        value.measurement_date,
        value.cdm_table,
        value.cdm_id
    FROM stay
    INNER JOIN {{ ref('score_measurement') }} AS value
        ON
            stay.person_id = value.person_id
            AND value.measurement_name IN ('Hemoglobin', 'Sodium')
            AND value.score_value > 0
            AND value.measurement_date BETWEEN stay.admission_date AND stay.discharge_date
    ORDER BY
        stay.person_id ASC,
        value.measurement_name ASC,
        value.measurement_date DESC,
        value.measurement_datetime DESC NULLS LAST,
        value.cdm_id ASC
),

at_discharge AS (
    SELECT
        person_id,
        max(score_value) FILTER (WHERE measurement_name = 'Hemoglobin') AS hemoglobin,
        max(score_value) FILTER (WHERE measurement_name = 'Sodium') AS sodium,
        jsonb_object_agg(
            measurement_name,
            jsonb_build_object('value', round(score_value, 2), 'unit', score_unit, 'date', measurement_date)
        ) AS components,
        {{ deciding_rows() }} AS deciding_rows
    FROM result
    GROUP BY person_id
),

operation AS (
    SELECT
        stay.person_id,
        {{ deciding_rows('source') }} AS deciding_rows
    FROM stay
    INNER JOIN {{ ref('event_source') }} AS source
        ON stay.person_id = source.person_id AND source.start_date BETWEEN stay.admission_date AND stay.discharge_date
    WHERE source.cdm_table = 'procedure_occurrence' AND source.has_happened AND source.is_record_of_care
    GROUP BY stay.person_id
),

earlier AS (
    SELECT
        stay.person_id,
        count(*)::integer AS admissions,
        {{ deciding_rows('visit') }} AS deciding_rows
    FROM stay
    INNER JOIN {{ ref('event_source') }} AS visit
        ON
            stay.person_id = visit.person_id
            AND visit.cdm_table = 'visit_occurrence'
            -- 9201: inpatient, 262: emergency room and inpatient.
            AND visit.concept_id IN (9201, 262)
            AND visit.start_date >= stay.admission_date - interval '1 year'
            AND stay.admission_date > visit.start_date
    GROUP BY stay.person_id
),

-- A ward that names oncology tells that it is; of one with any other name only the specialty of who attended can say
-- that it is not.
service AS (
    SELECT
        stay.person_id,
        CASE
            WHEN care_site.care_site_name ~* 'oncolog' THEN TRUE
            ELSE coalesce(concept.concept_name, practised.specialty_codings -> 0 ->> 'display') ~* 'oncolog'
        END AS is_oncology
    FROM stay
    LEFT JOIN {{ ref('care_site') }} AS care_site ON stay.care_site_id = care_site.care_site_id
    LEFT JOIN {{ ref('provider') }} AS provider ON stay.provider_id = provider.provider_id
    LEFT JOIN {{ ref('int_provider_specialty') }} AS practised ON stay.provider_id = practised.provider_key
    LEFT JOIN {{ source('vocab', 'concept') }} AS concept
        ON provider.specialty_concept_id = concept.concept_id AND concept.concept_id > 0
),

input AS (
    SELECT
        person.person_id,
        stay.visit_occurrence_id,
        stay.discharge_date,
        service.is_oncology,
        stay.is_acute,
        CASE WHEN at_discharge.hemoglobin < 12 THEN 1 WHEN at_discharge.hemoglobin >= 12 THEN 0 END
            AS hemoglobin_points,
        CASE service.is_oncology WHEN TRUE THEN 2 WHEN FALSE THEN 0 END AS oncology_points,
        CASE WHEN at_discharge.sodium < 135 THEN 1 WHEN at_discharge.sodium >= 135 THEN 0 END AS sodium_points,
        CASE WHEN operation.person_id IS NULL THEN 0 ELSE 1 END AS procedure_points,
        CASE stay.is_acute WHEN TRUE THEN 1 WHEN FALSE THEN 0 END AS acuity_points,
        CASE
            WHEN coalesce(earlier.admissions, 0) <= 1 THEN 0
            WHEN earlier.admissions <= 5 THEN 2
            ELSE 5
        END AS admission_points,
        CASE WHEN stay.days >= 5 THEN 2 ELSE 0 END AS stay_points,
        coalesce(at_discharge.components, '{}'::jsonb) AS results,
        stay.deciding_rows AS stay_rows,
        at_discharge.deciding_rows AS result_rows,
        operation.deciding_rows AS procedure_rows,
        earlier.deciding_rows AS earlier_rows
    FROM {{ ref('score_person') }} AS person
    LEFT JOIN stay ON person.person_id = stay.person_id
    LEFT JOIN at_discharge ON person.person_id = at_discharge.person_id
    LEFT JOIN operation ON person.person_id = operation.person_id
    LEFT JOIN earlier ON person.person_id = earlier.person_id
    LEFT JOIN service ON person.person_id = service.person_id
)

SELECT
    person_id,
    {{ score_columns('hospital', 'points') }},
    (
        hemoglobin_points + oncology_points + sodium_points + procedure_points + acuity_points + admission_points
        + stay_points
    )::numeric AS score,
    {{ lacks({
        'inpatient stay that is over': 'visit_occurrence_id IS NOT NULL',
        'haemoglobin of the stay': 'visit_occurrence_id IS NULL OR hemoglobin_points IS NOT NULL',
        'discharging service': 'visit_occurrence_id IS NULL OR is_oncology IS NOT NULL',
        'sodium of the stay': 'visit_occurrence_id IS NULL OR sodium_points IS NOT NULL',
        'source of admission': 'visit_occurrence_id IS NULL OR is_acute IS NOT NULL',
    }) }} AS lacks,
    CASE
        WHEN visit_occurrence_id IS NULL THEN '{}'::jsonb
        ELSE results || jsonb_strip_nulls(
            jsonb_build_object(
                'discharge', discharge_date,
                'haemoglobin below 12 g/dL', hemoglobin_points,
                'oncology service', oncology_points,
                'sodium below 135 mmol/L', sodium_points,
                'procedure', procedure_points,
                'acute admission', acuity_points,
                'admissions of the year before', admission_points,
                'stay of 5 days or more', stay_points
            )
        )
    END AS components,
    {{ merged_rows(['stay_rows', 'result_rows', 'procedure_rows', 'earlier_rows']) }} AS deciding_rows,
    '[]'::jsonb AS unjudged_rows
FROM input
