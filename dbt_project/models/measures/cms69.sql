-- CMS69, body mass index: screening and follow-up plan (2026).
WITH
visit AS (
    SELECT
        encounter.person_id,
        encounter.cdm_table,
        encounter.cdm_id,
        encounter.start_date
    FROM {{ ref('qualifying_encounter') }} AS encounter
    INNER JOIN {{ ref('measure_person') }} AS person ON encounter.person_id = person.person_id
    WHERE
        encounter.value_set = 'encounter_to_evaluate_bmi'
        AND coalesce(encounter.class_code, '') <> 'VR'
        AND encounter.start_date >= person.birth_date + interval '18 years'
),

encounter AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM visit
    ORDER BY person_id, start_date, cdm_table, cdm_id
),

own_exclusion AS (
    SELECT
        {{ own_exclusion('pregnancy') | indent(8) }}
    {{ events(['pregnancy_or_related']) | indent(4) }}
    WHERE event.bronze_table = 'condition_occurrence' AND {{ is_prevalent() }}
    UNION ALL
    SELECT
        {{ own_exclusion('pregnancy') | indent(8) }}
    {{ events(['pregnancy_status']) | indent(4) }}
    INNER JOIN {{ ref('measure_element') }} AS said
        ON
            event.cdm_table = said.cdm_table
            AND event.cdm_id = said.cdm_id
            AND said.element = 'value'
            AND said.value_set = 'pregnancy_or_related'
    WHERE event.start_date <= person.period_end AND event.end_date >= person.period_start
),

exclusion AS (
    {{ first_exclusion(['hospice care', 'palliative care'], 'own_exclusion') | indent(4) }}
),

-- Of each person the last index of each range; one in no unit of the logic is no index.
bmi AS (
    SELECT DISTINCT ON (found.person_id, found.weight_range)
        found.person_id,
        found.weight_range,
        found.cdm_table,
        found.cdm_id,
        found.end_date
    FROM (
        SELECT
            event.person_id,
            event.cdm_table,
            event.cdm_id,
            event.end_date,
            CASE
                WHEN event.value_number < 18.5 THEN 'low'
                WHEN event.value_number < 25 THEN 'normal'
                ELSE 'high'
            END AS weight_range
        {{ events(['body_mass_index']) | indent(8) }}
        WHERE
            event.bronze_table = 'measurement'
            AND event.unit_code = 'kg/m2'
            AND event.value_number > 0
            AND event.start_date >= person.period_start
            AND event.end_date <= person.last_day
    ) AS found
    ORDER BY found.person_id ASC, found.weight_range ASC, found.end_date DESC, found.cdm_table ASC, found.cdm_id ASC
),

-- What was ordered or done, for which range.
plan AS (
    {{ interventions({
        'order': {
            'follow_up_for_above_normal_bmi': ['high'],
            'follow_up_for_below_normal_bmi': ['low'],
            'referrals_where_weight_assessment_may_occur': ['high', 'low'],
        },
        'medication': {
            'medications_for_above_normal_bmi': ['high'],
            'medications_for_below_normal_bmi': ['low'],
        },
        'procedure': {
            'follow_up_for_above_normal_bmi': ['high'],
            'follow_up_for_below_normal_bmi': ['low'],
        },
    }) | indent(4) }}
),

-- Each range's diagnosis, by the value set of its name.
weight AS (
    SELECT
        event.person_id,
        event.start_date,
        event.prevalence_end_date,
        event.categories,
        CASE event.value_set WHEN 'underweight' THEN 'low' ELSE 'high' END AS weight_range
    {{ events(['overweight_or_obese', 'underweight']) | indent(4) }}
    WHERE event.bronze_table = 'condition_occurrence'
),

-- A plan is one for the weight that its reason names, or that was diagnosed by its day. As the logic is written, a
-- procedure asks for the diagnosis on the problem list, and for low weight as a health concern.
follow_up AS (
    SELECT DISTINCT ON (plan.person_id, plan.purpose)
        plan.person_id,
        plan.purpose AS weight_range,
        plan.cdm_table,
        plan.cdm_id,
        plan.intervention_date,
        'follow-up by ' || plan.code || ' on ' || plan.intervention_date AS reason
    FROM plan
    INNER JOIN {{ ref('measure_person') }} AS person
        ON
            plan.person_id = person.person_id
            AND plan.intervention_date >= person.period_start
            AND plan.intervention_date <= person.last_day
    LEFT JOIN {{ ref('measure_element') }} AS said
        ON
            plan.cdm_table = said.cdm_table
            AND plan.cdm_id = said.cdm_id
            AND said.element = 'reason'
            AND said.value_set = CASE plan.purpose WHEN 'high' THEN 'overweight_or_obese' ELSE 'underweight' END
    LEFT JOIN weight
        ON
            plan.person_id = weight.person_id
            AND plan.purpose = weight.weight_range
            AND plan.intervention_date >= weight.start_date
            AND (
                plan.kind <> 'procedure'
                OR (
                    plan.intervention_date <= weight.prevalence_end_date
                    AND weight.categories && CASE plan.purpose
                        WHEN 'high' THEN ARRAY['problem-list-item', 'health-concern']
                        ELSE ARRAY['health-concern']
                    END
                )
            )
    WHERE said.cdm_id IS NOT NULL OR weight.person_id IS NOT NULL
    ORDER BY plan.person_id ASC, plan.purpose ASC, plan.intervention_date DESC, plan.cdm_table ASC, plan.cdm_id ASC
),

-- What decides: an index out of range with its plan, else a normal one where none is out of range.
numerator AS (
    SELECT DISTINCT ON (bmi.person_id)
        bmi.person_id,
        greatest(bmi.end_date, follow_up.intervention_date) AS last_event_date,
        bmi.weight_range || ' body mass index on ' || bmi.end_date || coalesce('; ' || follow_up.reason, '') AS reason,
        {{ deciding_row('bmi') }} || CASE
            WHEN follow_up.person_id IS NOT NULL THEN {{ deciding_row('follow_up') }} ELSE '[]'::jsonb
        END AS deciding_rows
    FROM bmi
    LEFT JOIN follow_up ON bmi.person_id = follow_up.person_id AND bmi.weight_range = follow_up.weight_range
    LEFT JOIN bmi AS abnormal ON bmi.person_id = abnormal.person_id AND abnormal.weight_range <> 'normal'
    WHERE
        (bmi.weight_range <> 'normal' AND follow_up.person_id IS NOT NULL)
        OR (bmi.weight_range = 'normal' AND abnormal.person_id IS NULL)
    ORDER BY bmi.person_id, bmi.weight_range
),

last_bmi AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        cdm_table,
        cdm_id,
        end_date,
        weight_range
    FROM bmi
    ORDER BY person_id ASC, (weight_range = 'normal') ASC, end_date DESC, cdm_id ASC
),

exception AS (
    SELECT DISTINCT ON (absence.person_id)
        absence.person_id,
        absence.cdm_table,
        absence.cdm_id,
        {{ in_words('absence.reason') }} || ' against ' || {{ in_words('absence.value_set') }}
        || ' on ' || absence.start_date AS reason
    FROM {{ ref('measure_absence') }} AS absence
    INNER JOIN visit ON absence.person_id = visit.person_id AND absence.start_date = visit.start_date
    WHERE
        (
            absence.value_set = 'body_mass_index'
            -- An observation that was cancelled, no order not to make it.
            AND absence.status = 'cancelled'
            AND absence.reason IN ('patient_declined', 'medical_reason')
        )
        OR (
            absence.value_set IN (
                'referrals_where_weight_assessment_may_occur', 'follow_up_for_above_normal_bmi',
                'follow_up_for_below_normal_bmi', 'medications_for_above_normal_bmi', 'medications_for_below_normal_bmi'
            )
            AND absence.status = 'completed'
            AND absence.reason = 'medical_reason'
        )
    ORDER BY absence.person_id, absence.start_date, absence.cdm_table, absence.cdm_id, absence.reason
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter at 18 or older in the period'
        END AS ineligible_reason,
        'encounter on ' || encounter.start_date AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        numerator.person_id IS NOT NULL AS is_numerator,
        coalesce(
            numerator.reason,
            last_bmi.weight_range || ' body mass index on ' || last_bmi.end_date || '; no follow-up plan in the period',
            'no body mass index in the period'
        ) AS outcome_reason,
        CASE
            WHEN numerator.person_id IS NOT NULL THEN numerator.deciding_rows
            WHEN last_bmi.person_id IS NOT NULL THEN {{ deciding_row('last_bmi') }}
        END AS outcome_rows,
        exception.reason AS exception_reason,
        CASE WHEN exception.person_id IS NOT NULL THEN {{ deciding_row('exception') }} END AS exception_rows,
        coalesce(numerator.last_event_date, last_bmi.end_date) AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN numerator ON person.person_id = numerator.person_id
    LEFT JOIN last_bmi ON person.person_id = last_bmi.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
    LEFT JOIN exception ON person.person_id = exception.person_id
)

{{ measure_result('CMS69', has_exception=true) }}
