-- CMS124, cervical cancer screening (2026).
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'preventive_care_established', 'preventive_care_initial', 'home_healthcare', 'telephone_visit',
        'virtual_encounter'
    ]) | indent(4) }}
),

own_exclusion AS (
    SELECT
        {{ own_exclusion('absence of cervix') | indent(8) }}
    {{ events(['hysterectomy_with_no_residual_cervix', 'congenital_or_acquired_absence_of_cervix']) | indent(4) }}
    WHERE
        CASE event.value_set
            WHEN 'hysterectomy_with_no_residual_cervix'
                THEN event.bronze_table = 'procedure_occurrence' AND event.end_date <= person.period_end
            ELSE event.bronze_table = 'condition_occurrence' AND event.start_date <= person.period_end
        END
),

exclusion AS (
    {{ first_exclusion(['hospice care', 'palliative care'], 'own_exclusion') | indent(4) }}
),

screening AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.end_date,
        {{ in_words('event.value_set') }} || ' by ' || event.code || ' on ' || event.end_date AS reason
    {{ events(['pap_test', 'hpv_test']) | indent(4) }}
    WHERE
        event.bronze_table = 'measurement'
        AND event.has_value
        AND event.end_date <= person.last_day
        AND CASE event.value_set
            WHEN 'pap_test' THEN event.end_date >= person.period_start - interval '2 years'
            ELSE
                event.end_date >= person.period_start - interval '4 years'
                AND event.end_date >= person.birth_date + interval '30 years'
        END
    ORDER BY event.person_id ASC, event.end_date DESC, event.cdm_table ASC, event.cdm_id ASC, event.value_set ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN coalesce(person.sex, '') <> 'female' THEN 'not female'
            WHEN person.age NOT BETWEEN 24 AND 64 THEN 'age ' || person.age || ' is outside 24 to 64'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'female, age ' || person.age AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        screening.person_id IS NOT NULL AS is_numerator,
        coalesce(screening.reason, 'no Pap test in three years and no HPV test in five') AS outcome_reason,
        CASE WHEN screening.person_id IS NOT NULL THEN {{ deciding_row('screening') }} END AS outcome_rows,
        screening.end_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN screening ON person.person_id = screening.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS124') }}
