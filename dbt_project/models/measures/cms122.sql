-- CMS122, diabetes: glycaemic status above 9 % (2026). Inverse: the numerator is poor control or no test.
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'telephone_visit', 'nutrition_services', 'medical_nutrition_therapy'
    ]) | indent(4) }}
),

diagnosis AS (
    {{ first_condition(
        ['diabetes'], "event.categories @> ARRAY['encounter-diagnosis'] AND " ~ is_prevalent()
    ) | indent(4) }}
),

exclusion AS (
    {{ first_exclusion(exclusions_of_older_adults()) | indent(4) }}
),

-- HbA1c and the glucose management indicator in per cent; fractions are converted, and mmol/mol by the NGSP master
-- equation. A number in another unit and a text can't be compared: they are neither control nor its absence, so they
-- leave the gap open.
test AS (
    SELECT
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.end_date AS test_date,
        event.has_value,
        event.value_codings IS NOT NULL AS is_coded,
        CASE
            WHEN event.unit IS NULL OR event.unit LIKE '\%%' THEN event.value_number
            WHEN event.unit = '1' THEN 100 * event.value_number
            WHEN event.unit = 'mmol/mol' THEN round(0.0915 * event.value_number + 2.15, 1)
        END AS percent
    {{ events(['hba1c', 'glucose_management_indicator']) | indent(4) }}
    WHERE
        event.bronze_table = 'measurement'
        AND event.end_date BETWEEN person.period_start AND person.last_day
),

-- The most recent day with a test; of that day the lowest value, a missing one before all.
reading AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        cdm_table,
        cdm_id,
        test_date,
        percent,
        CASE
            WHEN percent IS NOT NULL THEN percent > 9
            -- As the logic is written, a coded value is there and is not above 9 %.
            ELSE NOT is_coded
        END AS is_poor,
        has_value
    FROM test
    ORDER BY person_id ASC, test_date DESC, has_value ASC, percent ASC NULLS LAST, cdm_table ASC, cdm_id ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age NOT BETWEEN 18 AND 75 THEN 'age ' || person.age || ' is outside 18 to 75'
            WHEN diagnosis.person_id IS NULL THEN 'no encounter diagnosis of diabetes in the period'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        diagnosis.reason AS population_reason,
        {{ deciding_row('diagnosis') }} || {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        coalesce(reading.is_poor, TRUE) AS is_numerator,
        CASE
            WHEN reading.person_id IS NULL THEN 'no HbA1c in the period'
            WHEN NOT reading.has_value THEN 'HbA1c on ' || reading.test_date || ' has no value'
            WHEN reading.is_poor AND reading.percent IS NULL
                THEN 'HbA1c on ' || reading.test_date || ' can not be compared with 9 %'
            WHEN reading.is_poor THEN 'HbA1c above 9 % on ' || reading.test_date
            ELSE 'HbA1c not above 9 % on ' || reading.test_date
        END AS outcome_reason,
        CASE WHEN reading.person_id IS NOT NULL THEN {{ deciding_row('reading') }} END AS outcome_rows,
        reading.test_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN diagnosis ON person.person_id = diagnosis.person_id
    LEFT JOIN reading ON person.person_id = reading.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS122') }}
