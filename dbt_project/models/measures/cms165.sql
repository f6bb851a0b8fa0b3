-- CMS165, controlling high blood pressure (2026).
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'virtual_encounter', 'telephone_visit'
    ]) | indent(4) }}
),

diagnosis AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.code,
        event.start_date
    FROM {{ ref('measure_event') }} AS event
    INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id
    WHERE
        event.value_set = 'essential_hypertension'
        AND event.bronze_table = 'condition_occurrence'
        AND event.start_date < person.period_start + interval '6 months'
        AND event.prevalence_end_date >= person.period_start
    ORDER BY event.person_id, event.start_date, event.cdm_table, event.cdm_id
),

own_exclusion AS (
    SELECT
        event.person_id,
        replace(event.value_set, '_', ' ') AS rule,
        event.start_date AS first_date,
        replace(event.value_set, '_', ' ') || ' (' || event.code || ') on ' || event.start_date AS reason,
        {{ deciding_row('event') }} AS deciding_rows
    FROM {{ ref('measure_event') }} AS event
    INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id
    WHERE
        (
            event.value_set IN (
                'pregnancy', 'end_stage_renal_disease', 'kidney_transplant_recipient', 'chronic_kidney_disease_stage_5'
            )
            AND event.bronze_table = 'condition_occurrence'
            AND event.start_date <= person.period_end
            AND event.prevalence_end_date >= person.period_start
        )
        OR (
            event.value_set IN ('kidney_transplant', 'dialysis')
            AND event.bronze_table = 'procedure_occurrence'
            AND event.end_date <= person.last_day
        )
        OR (
            event.value_set = 'esrd_monthly'
            AND event.bronze_table = 'visit_occurrence'
            AND event.start_date <= person.period_end
        )
),

exclusion AS (
    {{ first_exclusion([
        'hospice care', 'palliative care', 'long-term nursing home resident', 'frailty with advanced illness',
        'frailty at 81 or older'
    ], 'own_exclusion') | indent(4) }}
),

-- Components of one blood pressure panel, not taken during an inpatient or emergency stay.
component AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        source.parent_measurement_key,
        source.start_date,
        source.value_number,
        coding.code
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ ref('event_coding') }} AS coding
        ON
            source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
            AND coding.system = 'http://loinc.org'
            AND coding.code IN ('8480-6', '8462-4')
    INNER JOIN {{ ref('measure_person') }} AS person ON source.person_id = person.person_id
    LEFT JOIN {{ ref('event_source') }} AS visit
        ON visit.bronze_table = 'visit_occurrence' AND source.encounter_key = visit.bronze_key
    WHERE
        source.parent_measurement_key IS NOT NULL
        AND source.value_number IS NOT NULL
        AND source.status IN ('final', 'amended', 'corrected')
        AND source.start_date BETWEEN person.period_start AND person.last_day
        AND NOT (
            coalesce(visit.kind IN ('EMER', 'EMER-IMP', 'IMP', 'ACUTE', 'NONAC', 'PRENC', 'SS'), FALSE)
            AND source.start_date >= visit.start_date
            AND source.start_date <= coalesce(visit.end_date, {{ as_of() }})
        )
),

panel AS (
    SELECT
        person_id,
        start_date,
        parent_measurement_key,
        min(value_number) FILTER (WHERE code = '8480-6') AS systolic,
        min(value_number) FILTER (WHERE code = '8462-4') AS diastolic,
        min(cdm_id) FILTER (WHERE code = '8480-6') AS systolic_id,
        min(cdm_id) FILTER (WHERE code = '8462-4') AS diastolic_id,
        min(cdm_table) FILTER (WHERE code = '8480-6') AS systolic_table,
        min(cdm_table) FILTER (WHERE code = '8462-4') AS diastolic_table
    FROM component
    GROUP BY person_id, start_date, parent_measurement_key
),

-- The lowest systolic and the lowest diastolic of a day may come from different readings.
reading_day AS (
    SELECT
        person_id,
        start_date,
        min(systolic) AS systolic,
        min(diastolic) AS diastolic,
        jsonb_agg(jsonb_build_object('cdm_table', systolic_table, 'cdm_id', systolic_id) ORDER BY systolic_id)
        || jsonb_agg(jsonb_build_object('cdm_table', diastolic_table, 'cdm_id', diastolic_id) ORDER BY diastolic_id)
            AS deciding_rows
    FROM panel
    WHERE systolic IS NOT NULL AND diastolic IS NOT NULL
    GROUP BY person_id, start_date
),

reading AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        start_date,
        systolic,
        diastolic,
        deciding_rows
    FROM reading_day
    ORDER BY person_id ASC, start_date DESC
),

judged AS (
    SELECT
        person.person_id,
        person.age,
        encounter.person_id IS NOT NULL AS has_encounter,
        exclusion.person_id IS NOT NULL AS is_excluded,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        diagnosis.code AS diagnosis_code,
        person.age BETWEEN 18 AND 85
        AND encounter.person_id IS NOT NULL
        AND diagnosis.person_id IS NOT NULL AS is_eligible,
        {{ deciding_row('diagnosis') }} || {{ deciding_row('encounter') }} AS population_rows,
        coalesce(reading.systolic < 140 AND reading.diastolic < 90, FALSE) AS is_controlled,
        reading.deciding_rows,
        reading.start_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN diagnosis ON person.person_id = diagnosis.person_id
    LEFT JOIN reading ON person.person_id = reading.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

SELECT
    {{ measure_columns('CMS165', 'is_controlled') }},
    CASE
        WHEN age NOT BETWEEN 18 AND 85 THEN 'age ' || age || ' is outside 18 to 85'
        WHEN diagnosis_code IS NULL
            THEN 'no diagnosis of essential hypertension in the first six months of the period or before'
        WHEN NOT has_encounter THEN 'no qualifying encounter in the period'
        WHEN is_excluded THEN 'excluded: ' || exclusion_reason
        WHEN last_event_date IS NULL
            THEN 'hypertension (' || diagnosis_code || ') and no outpatient blood pressure in the period'
        WHEN is_controlled THEN 'blood pressure below 140/90 on ' || last_event_date
        ELSE 'blood pressure not below 140/90 on ' || last_event_date
    END AS reason
FROM judged
