-- CMS165, controlling high blood pressure (2026).
WITH
encounter AS (
    {{ first_encounter(adult_outpatient_encounters()) | indent(4) }}
),

diagnosis AS (
    {{ first_condition(
        ['essential_hypertension'],
        "event.start_date < person.period_start + interval '6 months'
        AND event.prevalence_end_date >= person.period_start"
    ) | indent(4) }}
),

own_exclusion AS (
    SELECT
        {{ own_exclusion() | indent(8) }}
    {{ events([
        'pregnancy', 'end_stage_renal_disease', 'kidney_transplant_recipient', 'chronic_kidney_disease_stage_5',
        'kidney_transplant', 'dialysis', 'esrd_monthly'
    ]) | indent(4) }}
    WHERE
        CASE
            WHEN event.value_set IN ('kidney_transplant', 'dialysis')
                THEN event.bronze_table = 'procedure_occurrence' AND event.end_date <= person.period_end
            WHEN event.value_set = 'esrd_monthly'
                THEN event.bronze_table = 'visit_occurrence' AND event.start_date <= person.period_end
            ELSE event.bronze_table = 'condition_occurrence' AND {{ is_prevalent() }}
        END
),

exclusion AS (
    {{ first_exclusion(exclusions_of_older_adults() + ['frailty at 81 or older'], 'own_exclusion') | indent(4) }}
),

-- Stays whose readings tell little of how pressure is controlled: by the value sets of their type, else by their class.
stay AS (
    SELECT
        person_id,
        start_date,
        end_date
    FROM {{ ref('measure_event') }}
    WHERE
        bronze_table = 'visit_occurrence'
        AND value_set IN ('encounter_inpatient', 'emergency_department_visit')
    UNION
    SELECT
        person_id,
        start_date,
        coalesce(end_date, {{ as_of() }}) AS end_date
    FROM {{ ref('event_source') }} AS source
    WHERE
        bronze_table = 'visit_occurrence'
        AND kind IN {{ acute_classes() }}
        AND {{ is_known_by_class('source') | indent(8) }}
),

-- Components of one blood pressure panel; a panel without any value is there by itself.
component AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        coalesce(source.parent_measurement_key, source.bronze_key) AS panel_key,
        coalesce(source.end_date, source.start_date) AS reading_date,
        -- As the logic is written, a number in another unit of pressure is converted; one without unit is no pressure.
        source.value_number * unit.factor AS pressure,
        coding.code,
        coalesce(visit.kind IN {{ acute_classes() }}, FALSE) AS is_linked_to_stay
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ ref('event_coding') }} AS coding
        ON
            source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
            AND coding.system = 'http://loinc.org'
            AND (
                (coding.code IN ('8480-6', '8462-4') AND source.parent_measurement_key IS NOT NULL)
                OR (coding.code = '85354-9' AND source.parent_measurement_key IS NULL)
            )
    LEFT JOIN {{ ref('measurement_unit') }} AS unit
        ON
            unit.measurement_name = CASE coding.code
                WHEN '8480-6' THEN 'Systolic blood pressure'
                WHEN '8462-4' THEN 'Diastolic blood pressure'
            END
            AND unit.unit_code = CASE
                WHEN coalesce(source.unit_code, source.unit_source_value) IN ('mmHg', 'mm Hg') THEN 'mm[Hg]'
                ELSE coalesce(source.unit_code, source.unit_source_value)
            END
    LEFT JOIN {{ ref('event_source') }} AS visit
        ON visit.bronze_table = 'visit_occurrence' AND source.encounter_key = visit.bronze_key
    WHERE
        source.bronze_table = 'measurement'
        AND source.status IN {{ final_statuses() }}
        AND source.has_happened
        AND coalesce(source.has_effective_time, TRUE)
),

panel AS (
    SELECT
        component.person_id,
        component.reading_date,
        component.panel_key,
        min(component.pressure) FILTER (WHERE component.code = '8480-6') AS systolic,
        min(component.pressure) FILTER (WHERE component.code = '8462-4') AS diastolic,
        jsonb_agg(
            jsonb_build_object('cdm_table', component.cdm_table, 'cdm_id', component.cdm_id)
            ORDER BY component.cdm_table, component.cdm_id
        ) AS deciding_rows
    FROM component
    INNER JOIN {{ ref('measure_person') }} AS person ON component.person_id = person.person_id
    WHERE
        component.reading_date BETWEEN person.period_start AND person.last_day
        -- As the logic is written, one that is linked to no stay counts even from within one.
        AND NOT (
            component.is_linked_to_stay
            AND EXISTS (
                SELECT
                FROM stay
                WHERE
                    component.person_id = stay.person_id
                    AND component.reading_date BETWEEN stay.start_date AND stay.end_date
            )
        )
    GROUP BY component.person_id, component.reading_date, component.panel_key
),

-- The lowest systolic and the lowest diastolic of a day may come from different readings; one that is missing comes
-- before all.
reading_day AS (
    SELECT
        person_id,
        reading_date,
        CASE WHEN bool_and(systolic IS NOT NULL) THEN min(systolic) END AS systolic,
        CASE WHEN bool_and(diastolic IS NOT NULL) THEN min(diastolic) END AS diastolic,
        jsonb_path_query_array(
            jsonb_agg(deciding_rows ORDER BY panel_key), '$[*][*]'
        ) AS deciding_rows
    FROM panel
    GROUP BY person_id, reading_date
),

reading AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        reading_date,
        coalesce(systolic < 140 AND diastolic < 90, FALSE) AS is_controlled,
        systolic IS NOT NULL AND diastolic IS NOT NULL AS is_complete,
        deciding_rows
    FROM reading_day
    ORDER BY person_id ASC, reading_date DESC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age NOT BETWEEN 18 AND 85 THEN 'age ' || person.age || ' is outside 18 to 85'
            WHEN diagnosis.person_id IS NULL
                THEN 'no diagnosis of essential hypertension in the first six months of the period or before'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        diagnosis.reason AS population_reason,
        {{ deciding_row('diagnosis') }} || {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        coalesce(reading.is_controlled, FALSE) AS is_numerator,
        CASE
            WHEN reading.person_id IS NULL THEN 'no outpatient blood pressure in the period'
            WHEN NOT reading.is_complete
                THEN 'blood pressure on ' || reading.reading_date || ' lacks a value that can be compared'
            WHEN reading.is_controlled THEN 'blood pressure below 140/90 on ' || reading.reading_date
            ELSE 'blood pressure not below 140/90 on ' || reading.reading_date
        END AS outcome_reason,
        reading.deciding_rows AS outcome_rows,
        reading.reading_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN diagnosis ON person.person_id = diagnosis.person_id
    LEFT JOIN reading ON person.person_id = reading.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS165') }}
