-- CMS122, diabetes: glycaemic status above 9 % (2026). Inverse: the numerator is poor control or no test.
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'telephone_visit', 'nutrition_services', 'medical_nutrition_therapy'
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
        event.value_set = 'diabetes'
        AND event.bronze_table = 'condition_occurrence'
        AND event.category = 'encounter-diagnosis'
        AND event.start_date <= person.period_end
        AND event.prevalence_end_date >= person.period_start
    ORDER BY event.person_id, event.start_date, event.cdm_id
),

exclusion AS (
    {{ first_exclusion([
        'hospice care', 'palliative care', 'long-term nursing home resident', 'frailty with advanced illness'
    ]) | indent(4) }}
),

-- HbA1c and the glucose management indicator; mmol/mol are converted by the NGSP master equation.
test AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        coalesce(source.end_date, source.start_date) AS test_date,
        CASE
            WHEN source.unit_code = 'mmol/mol' THEN round(0.0915 * source.value_number + 2.15, 1)
            WHEN coalesce(source.unit_code, '%') = '%' THEN source.value_number
        END AS percent,
        source.value_number IS NOT NULL
        OR source.value_text IS NOT NULL
        OR source.value_codings IS NOT NULL AS has_value
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ ref('measure_person') }} AS person ON source.person_id = person.person_id
    WHERE
        source.bronze_table = 'measurement'
        AND source.status IN ('final', 'amended', 'corrected')
        AND coalesce(source.end_date, source.start_date)
        BETWEEN person.period_start AND least(person.period_end, {{ as_of() }})
        AND (
            EXISTS (
                SELECT 1
                FROM {{ ref('value_set_event') }} AS member
                WHERE
                    member.value_set = 'hba1c'
                    AND member.cdm_table = source.cdm_table
                    AND member.cdm_id = source.cdm_id
            )
            OR source.codings @> '[{"system": "http://loinc.org", "code": "97506-0"}]'
        )
),

-- The most recent day with a test; of that day the lowest value, a missing one before all.
reading AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        cdm_table,
        cdm_id,
        test_date,
        percent,
        has_value
    FROM test
    ORDER BY person_id ASC, test_date DESC, percent ASC NULLS FIRST, cdm_id ASC
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
        person.age BETWEEN 18 AND 75
        AND encounter.person_id IS NOT NULL
        AND diagnosis.person_id IS NOT NULL AS is_eligible,
        {{ deciding_row('diagnosis') }} || {{ deciding_row('encounter') }} AS population_rows,
        coalesce(reading.has_value, FALSE) AS has_value,
        -- A value that is no percentage is not above 9 %, as the logic is written.
        coalesce(reading.percent > 9, NOT coalesce(reading.has_value, FALSE)) AS is_poor,
        CASE WHEN reading.person_id IS NOT NULL THEN {{ deciding_row('reading') }} END AS deciding_rows,
        reading.test_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN diagnosis ON person.person_id = diagnosis.person_id
    LEFT JOIN reading ON person.person_id = reading.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

SELECT
    person_id,
    'CMS122' AS measure_id,
    is_eligible AS initial_population,
    is_eligible AND is_excluded AS denominator_exclusion,
    is_eligible AND NOT is_excluded AND is_poor AS numerator,
    CASE
        WHEN age NOT BETWEEN 18 AND 75 THEN 'age ' || age || ' is outside 18 to 75'
        WHEN diagnosis_code IS NULL THEN 'no encounter diagnosis of diabetes in the period'
        WHEN NOT has_encounter THEN 'no qualifying encounter in the period'
        WHEN is_excluded THEN 'excluded: ' || exclusion_reason
        WHEN last_event_date IS NULL THEN 'diabetes (' || diagnosis_code || ') and no HbA1c in the period'
        WHEN NOT has_value THEN 'HbA1c on ' || last_event_date || ' has no value'
        WHEN is_poor THEN 'HbA1c above 9 % on ' || last_event_date
        ELSE 'HbA1c not above 9 % on ' || last_event_date
    END AS reason,
    CASE
        WHEN is_eligible THEN population_rows || coalesce(exclusion_rows, deciding_rows, '[]'::jsonb)
        ELSE '[]'::jsonb
    END AS deciding_rows,
    last_event_date
FROM judged
