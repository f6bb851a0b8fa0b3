-- CMS139, falls: screening for future fall risk (2026).
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'ophthalmological_services', 'preventive_care_individual_counseling',
        'nursing_facility_discharge', 'nursing_facility_visit', 'long_term_residential_facility', 'audiology_visit',
        'telephone_visit', 'virtual_encounter', 'physical_therapy_evaluation', 'occupational_therapy_evaluation'
    ]) | indent(4) }}
),

exclusion AS (
    {{ first_exclusion(['hospice care']) | indent(4) }}
),

screening AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.end_date,
        'falls screening by ' || event.code || ' on ' || event.end_date AS reason
    {{ events(['falls_screening']) | indent(4) }}
    WHERE
        event.bronze_table = 'measurement'
        AND event.start_date >= person.period_start
        AND event.end_date <= person.last_day
    ORDER BY event.person_id ASC, event.end_date DESC, event.cdm_table ASC, event.cdm_id ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age_at_start < 65
                THEN 'age ' || person.age_at_start || ' at the start of the period is below 65'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'age ' || person.age_at_start || ' at the start of the period' AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        screening.person_id IS NOT NULL AS is_numerator,
        coalesce(screening.reason, 'no falls screening in the period') AS outcome_reason,
        CASE WHEN screening.person_id IS NOT NULL THEN {{ deciding_row('screening') }} END AS outcome_rows,
        screening.end_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN screening ON person.person_id = screening.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS139') }}
