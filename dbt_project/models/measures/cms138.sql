-- CMS138, tobacco use: screening and cessation intervention (2026). Group 1: screened; group 2: of users, who was
-- helped to stop; group 3: no user, or a user who was helped.
WITH
-- One preventive visit, or two of the others.
preventive AS (
    {{ first_encounter([
        'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'preventive_care_established_child', 'preventive_care_initial_child', 'preventive_care_group_counseling',
        'preventive_care_individual_counseling', 'unlisted_preventive_medicine_service',
        'postoperative_follow_up_visit', 'nutrition_services'
    ]) | indent(4) }}
),

office AS (
    SELECT DISTINCT
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM {{ ref('qualifying_encounter') }}
    WHERE
        value_set IN (
            'health_behavior_intervention', 'health_behavior_assessment', 'home_healthcare',
            'occupational_therapy_evaluation', 'office_visit', 'ophthalmological_services',
            'physical_therapy_evaluation', 'psych_visit_diagnostic_evaluation', 'psych_visit_psychotherapy',
            'psychoanalysis', 'speech_and_hearing_evaluation', 'telephone_visit', 'virtual_encounter'
        )
),

two_visits AS (
    SELECT
        person_id,
        jsonb_path_query_array(
            jsonb_agg(jsonb_build_object('cdm_table', cdm_table, 'cdm_id', cdm_id) ORDER BY start_date, cdm_id),
            '$[0 to 1]'
        ) AS deciding_rows
    FROM office
    GROUP BY person_id
    HAVING count(*) >= 2
),

exclusion AS (
    {{ first_exclusion(['hospice care']) | indent(4) }}
),

-- The most recent screening, whatever it says.
screening AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.end_date
    {{ events(['tobacco_use_screening']) | indent(4) }}
    WHERE
        event.bronze_table = 'measurement'
        AND event.status = 'final'
        AND event.categories @> ARRAY['social-history']
        AND event.start_date >= person.period_start
        AND event.end_date <= person.last_day
    ORDER BY
        event.person_id ASC,
        event.start_date DESC,
        event.start_datetime DESC NULLS LAST,
        event.cdm_table ASC,
        event.cdm_id ASC
),

answer AS (
    SELECT
        screening.person_id,
        screening.cdm_table,
        screening.cdm_id,
        screening.end_date,
        coalesce(bool_or(said.value_set = 'tobacco_user'), FALSE) AS is_user,
        coalesce(bool_or(said.value_set = 'tobacco_non_user'), FALSE) AS is_non_user
    FROM screening
    LEFT JOIN {{ ref('measure_element') }} AS said
        ON
            screening.cdm_table = said.cdm_table
            AND screening.cdm_id = said.cdm_id
            AND said.element = 'value'
            AND said.value_set IN ('tobacco_user', 'tobacco_non_user')
    GROUP BY screening.person_id, screening.cdm_table, screening.cdm_id, screening.end_date
),

-- Within the period or the six months before it.
help AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.start_date,
        {{ in_words('event.value_set') }} || ' by ' || event.code || ' on ' || event.start_date AS reason
    {{ events([
        'tobacco_use_cessation_counseling', 'tobacco_abuse_counseling', 'tobacco_use_cessation_pharmacotherapy'
    ]) | indent(4) }}
    WHERE
        CASE event.value_set
            WHEN 'tobacco_use_cessation_counseling'
                THEN
                    event.bronze_table = 'procedure_occurrence'
                    AND event.start_date >= person.period_start - interval '6 months'
                    AND event.end_date <= person.last_day
            WHEN 'tobacco_abuse_counseling'
                THEN
                    event.bronze_table = 'condition_occurrence'
                    AND event.start_date >= person.period_start - interval '6 months'
                    AND event.start_date <= person.last_day
            ELSE
                event.kind = 'prescription'
                AND event.intent IN {{ order_intents() }}
                AND (
                    (
                        event.status IN ('active', 'completed')
                        AND NOT event.is_rejected
                        AND event.authored_date >= person.period_start - interval '6 months'
                        AND event.authored_date <= person.last_day
                    )
                    OR (
                        event.status = 'active'
                        AND event.supply_start_date >= person.period_start - interval '6 months'
                        AND event.supply_end_date <= person.period_end
                    )
                )
        END
    ORDER BY event.person_id ASC, event.start_date DESC, event.cdm_table ASC, event.cdm_id ASC, event.value_set ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age_at_start < 12
                THEN 'age ' || person.age_at_start || ' at the start of the period is below 12'
            WHEN preventive.person_id IS NULL AND two_visits.person_id IS NULL
                THEN 'no preventive visit and no two other visits in the period'
        END AS ineligible_reason,
        'age ' || person.age_at_start || ' at the start of the period' AS population_reason,
        CASE
            WHEN preventive.person_id IS NOT NULL THEN {{ deciding_row('preventive') }} ELSE two_visits.deciding_rows
        END AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        coalesce(answer.is_user, FALSE) AS is_user,
        coalesce(answer.is_non_user, FALSE) AS is_non_user,
        help.person_id IS NOT NULL AS is_helped,
        CASE
            WHEN answer.person_id IS NULL THEN 'not screened for tobacco use in the period'
            WHEN answer.is_user THEN 'tobacco user on ' || answer.end_date
            WHEN answer.is_non_user THEN 'no tobacco user on ' || answer.end_date
            ELSE 'screening on ' || answer.end_date || ' does not tell whether tobacco is used'
        END AS screening_reason,
        CASE WHEN answer.person_id IS NOT NULL THEN {{ deciding_row('answer') }} ELSE '[]'::jsonb END AS screening_rows,
        coalesce(help.reason, 'no counseling or pharmacotherapy to stop') AS help_reason,
        CASE WHEN help.person_id IS NOT NULL THEN {{ deciding_row('help') }} ELSE '[]'::jsonb END AS help_rows,
        answer.end_date AS screening_date,
        help.start_date AS help_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN preventive ON person.person_id = preventive.person_id
    LEFT JOIN two_visits ON person.person_id = two_visits.person_id
    LEFT JOIN answer ON person.person_id = answer.person_id
    LEFT JOIN help ON person.person_id = help.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
),

grouped AS (
    SELECT
        judged.person_id,
        tobacco_group.group_number,
        judged.ineligible_reason,
        judged.population_reason,
        judged.population_rows,
        judged.exclusion_reason,
        judged.exclusion_rows,
        judged.is_user,
        CASE tobacco_group.group_number
            WHEN 1 THEN judged.is_user OR judged.is_non_user
            WHEN 2 THEN judged.is_helped
            ELSE judged.is_non_user OR (judged.is_user AND judged.is_helped)
        END AS is_numerator,
        CASE
            WHEN tobacco_group.group_number > 1 AND judged.is_user
                THEN judged.screening_reason || '; ' || judged.help_reason
            ELSE judged.screening_reason
        END AS outcome_reason,
        CASE
            WHEN tobacco_group.group_number > 1 AND judged.is_user THEN judged.screening_rows || judged.help_rows
            ELSE judged.screening_rows
        END AS outcome_rows,
        CASE
            WHEN tobacco_group.group_number > 1 AND judged.is_user
                THEN greatest(judged.screening_date, judged.help_date)
            ELSE judged.screening_date
        END AS last_event_date
    FROM judged
    CROSS JOIN (VALUES (1), (2), (3)) AS tobacco_group (group_number)
)

{{ measure_result('CMS138', 'group_number', relation='grouped', denominator='(group_number <> 2 OR is_user)') }}
