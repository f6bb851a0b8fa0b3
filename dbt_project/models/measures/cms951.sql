-- CMS951, kidney health evaluation of people with diabetes (2026).
WITH
encounter AS (
    {{ first_encounter([
        'annual_wellness_visit', 'home_healthcare', 'office_visit', 'outpatient_consultation',
        'preventive_care_established', 'preventive_care_initial', 'telephone_visit'
    ]) | indent(4) }}
),

-- Begun before the period and going on into it.
diagnosis AS (
    {{ first_condition(
        ['diabetes'],
        "event.start_date < person.period_start AND event.prevalence_end_date >= person.period_start"
    ) | indent(4) }}
),

own_exclusion AS (
    SELECT
        {{ own_exclusion() | indent(8) }}
    {{ events(['chronic_kidney_disease_stage_5', 'end_stage_renal_disease']) | indent(4) }}
    WHERE event.bronze_table = 'condition_occurrence' AND {{ is_prevalent() }}
),

exclusion AS (
    {{ first_exclusion(['hospice care', 'palliative care'], 'own_exclusion') | indent(4) }}
),

-- Tests of the period with a value; of a ratio a number, or that it is undetectable.
test AS (
    SELECT
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.value_set,
        event.start_date,
        event.end_date,
        event.start_datetime,
        -- Of a test that took days only the day of its end is known.
        CASE WHEN event.start_date = event.end_date THEN event.start_datetime END AS end_datetime
    {{ events(['egfr', 'urine_albumin_creatinine_ratio', 'urine_albumin', 'urine_creatinine']) | indent(4) }}
    LEFT JOIN {{ ref('measure_element') }} AS said
        ON
            event.cdm_table = said.cdm_table
            AND event.cdm_id = said.cdm_id
            AND said.element = 'value'
            AND said.value_set = 'undetectable_lab_result_value'
    WHERE
        event.bronze_table = 'measurement'
        AND event.start_date >= person.period_start
        AND event.end_date <= person.last_day
        AND CASE event.value_set
            WHEN 'urine_albumin_creatinine_ratio' THEN event.value_number IS NOT NULL OR said.cdm_id IS NOT NULL
            ELSE event.has_value
        END
),

filtration AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        cdm_table,
        cdm_id,
        end_date
    FROM test
    WHERE value_set = 'egfr'
    ORDER BY person_id ASC, end_date DESC, cdm_table ASC, cdm_id ASC
),

albumin AS (
    SELECT DISTINCT ON (found.person_id)
        found.person_id,
        found.end_date,
        found.deciding_rows
    FROM (
        SELECT
            ratio.person_id,
            ratio.end_date,
            {{ deciding_row('ratio') }} AS deciding_rows
        FROM test AS ratio
        WHERE ratio.value_set = 'urine_albumin_creatinine_ratio'
        UNION ALL
        SELECT
            urine_albumin.person_id,
            greatest(urine_albumin.end_date, urine_creatinine.end_date) AS end_date,
            {{ deciding_row('urine_albumin') }} || {{ deciding_row('urine_creatinine') }} AS deciding_rows
        FROM test AS urine_albumin
        INNER JOIN test AS urine_creatinine
            ON
                urine_albumin.person_id = urine_creatinine.person_id
                AND urine_creatinine.value_set = 'urine_creatinine'
                AND urine_albumin.start_date >= urine_creatinine.start_date - 4
                AND urine_albumin.end_date <= urine_creatinine.end_date + 4
                -- As the logic is written, four days to the moment where both have a time of day.
                AND coalesce(
                    urine_albumin.start_datetime >= urine_creatinine.start_datetime - interval '4 days', TRUE
                )
                AND coalesce(urine_albumin.end_datetime <= urine_creatinine.end_datetime + interval '4 days', TRUE)
        WHERE urine_albumin.value_set = 'urine_albumin'
    ) AS found
    ORDER BY found.person_id ASC, found.end_date DESC, found.deciding_rows ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age_at_start NOT BETWEEN 18 AND 85
                THEN 'age ' || person.age_at_start || ' at the start of the period is outside 18 to 85'
            WHEN diagnosis.person_id IS NULL THEN 'no diabetes from before the period'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        diagnosis.reason AS population_reason,
        {{ deciding_row('diagnosis') }} || {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        filtration.person_id IS NOT NULL AND albumin.person_id IS NOT NULL AS is_numerator,
        coalesce('glomerular filtration rate on ' || filtration.end_date, 'no glomerular filtration rate in the period')
        || ', ' || coalesce(
            'urine albumin and creatinine on ' || albumin.end_date, 'no urine albumin with creatinine in the period'
        ) AS outcome_reason,
        CASE WHEN filtration.person_id IS NOT NULL THEN {{ deciding_row('filtration') }} ELSE '[]'::jsonb END
        || coalesce(albumin.deciding_rows, '[]'::jsonb) AS outcome_rows,
        greatest(filtration.end_date, albumin.end_date) AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN diagnosis ON person.person_id = diagnosis.person_id
    LEFT JOIN filtration ON person.person_id = filtration.person_id
    LEFT JOIN albumin ON person.person_id = albumin.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS951') }}
