-- CMS349, HIV screening (2026). Tests of any time count, and who has died is an exception.
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'preventive_care_established', 'preventive_care_initial', 'preventive_care_established_child',
        'preventive_care_initial_child'
    ]) | indent(4) }}
),

exclusion AS (
    {{ first_condition(['hiv'], 'event.start_date < person.period_start', 'HIV') | indent(4) }}
),

test AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.end_date,
        'HIV test by ' || event.code || ' on ' || event.start_date AS reason
    {{ events(['hiv_test', 'hiv_test_set']) | indent(4) }}
    WHERE
        event.bronze_table = 'measurement'
        AND event.has_value
        AND event.start_date <= person.last_day
        -- As the logic is written, before the period's last day.
        AND event.start_date < person.period_end
        AND event.start_date >= person.birth_date + interval '15 years'
        AND event.start_date < person.birth_date + interval '66 years'
    ORDER BY event.person_id ASC, event.end_date DESC, event.cdm_table ASC, event.cdm_id ASC, event.value_set ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age_at_start NOT BETWEEN 15 AND 65
                THEN 'age ' || person.age_at_start || ' at the start of the period is outside 15 to 65'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'age ' || person.age_at_start || ' at the start of the period' AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        CASE WHEN exclusion.person_id IS NOT NULL THEN {{ deciding_row('exclusion') }} END AS exclusion_rows,
        test.person_id IS NOT NULL AS is_numerator,
        coalesce(test.reason, 'no HIV test between 15 and 65') AS outcome_reason,
        CASE WHEN test.person_id IS NOT NULL THEN {{ deciding_row('test') }} END AS outcome_rows,
        CASE WHEN person.death_date <= person.last_day THEN 'died on ' || person.death_date END AS exception_reason,
        '[]'::jsonb AS exception_rows,
        test.end_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN test ON person.person_id = test.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS349', has_exception=true) }}
