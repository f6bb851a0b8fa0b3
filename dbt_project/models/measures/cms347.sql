-- CMS347, statin therapy for the prevention and treatment of cardiovascular disease (2026). Four groups, each of who is
-- in none before it.
{%- set statins = [
    'low_intensity_statin_therapy', 'moderate_intensity_statin_therapy', 'high_intensity_statin_therapy'
] %}
{%- set encounters = [
    'annual_wellness_visit', 'office_visit', 'outpatient_consultation', 'outpatient_encounters_for_preventive_care',
    'preventive_care_established', 'preventive_care_individual_counseling', 'preventive_care_initial',
    'preventive_care_other', 'telemedicine_services'
] %}
{%- set on_problem_list = "event.categories && ARRAY['problem-list-item', 'health-concern']" %}
WITH
encounter AS (
    {{ first_encounter(encounters) | indent(4) }}
),

cardiovascular AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        'atherosclerotic cardiovascular disease by ' || event.code || ' on ' || event.start_date AS reason
    {{ events([
        'myocardial_infarction', 'subsequent_nstemi', 'cerebrovascular_disease_stroke_or_tia',
        'atherosclerosis_and_peripheral_arterial_disease', 'ischemic_heart_disease_or_other_related_diagnoses',
        'stable_and_unstable_angina', 'pci', 'cabg_surgeries', 'carotid_intervention', 'cabg_or_pci_procedure'
    ]) | indent(4) }}
    WHERE
        event.start_date <= person.period_end
        AND CASE
            WHEN event.value_set IN ('pci', 'cabg_surgeries', 'carotid_intervention', 'cabg_or_pci_procedure')
                THEN event.bronze_table = 'procedure_occurrence'
            ELSE event.bronze_table = 'condition_occurrence' AND {{ on_problem_list }}
        END
    ORDER BY event.person_id, event.start_date, event.cdm_table, event.cdm_id
),

lipid AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        CASE event.value_set
            WHEN 'ldl_cholesterol' THEN 'LDL cholesterol of 190 mg/dL or more'
            ELSE 'familial hypercholesterolemia'
        END || ' by ' || event.code || ' on ' || event.start_date AS reason
    {{ events(['ldl_cholesterol', 'familial_hypercholesterolemia']) | indent(4) }}
    WHERE
        event.start_date <= person.period_end
        AND CASE event.value_set
            WHEN 'ldl_cholesterol'
                THEN
                    event.bronze_table = 'measurement'
                    -- Mass per volume in milligrams per decilitre; nothing converts an amount of substance.
                    AND event.value_number * CASE
                        WHEN event.unit IN ('mg/dL', 'mg/dl') THEN 1
                        WHEN event.unit IN ('mg/L', 'mg/l') THEN 0.1
                        WHEN event.unit IN ('g/L', 'g/l') THEN 100
                        WHEN event.unit IN ('g/dL', 'g/dl') THEN 1000
                    END >= 190
            ELSE event.bronze_table = 'condition_occurrence' AND {{ on_problem_list }}
        END
    ORDER BY event.person_id, event.start_date, event.cdm_table, event.cdm_id
),

diabetes AS (
    {{ first_condition(['diabetes'], on_problem_list ~ " AND " ~ is_prevalent()) | indent(4) }}
),

risk AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        'ten-year cardiovascular risk of 20 % or more by ' || event.code || ' on ' || event.end_date AS reason
    {{ events(['cardiovascular_risk']) | indent(4) }}
    WHERE
        event.bronze_table = 'measurement'
        AND event.value_number * CASE event.unit WHEN '%' THEN 1 WHEN '1' THEN 100 END >= 20
        AND event.start_date >= person.period_start
        AND event.end_date <= person.last_day
    ORDER BY event.person_id, event.start_date, event.cdm_table, event.cdm_id
),

exclusion AS (
    {{ first_condition(['breastfeeding', 'rhabdomyolysis'], is_prevalent()) | indent(4) }}
),

exception_event AS (
    SELECT
        {{ own_exclusion() | indent(8) }}
    {{ events([
        'statin_allergen', 'hepatitis_a', 'hepatitis_b', 'liver_disease', 'statin_associated_muscle_symptoms',
        'end_stage_renal_disease'
    ]) | indent(4) }}
    WHERE
        CASE
            WHEN event.value_set <> 'statin_allergen'
                THEN
                    event.bronze_table = 'condition_occurrence'
                    AND {{ on_problem_list }}
                    AND {{ is_prevalent() }}
            WHEN event.kind = 'allergy'
                THEN event.status = 'active' AND event.start_date <= person.last_day
            WHEN event.kind = 'adverse-event'
                THEN event.start_date >= person.period_start AND event.start_date <= person.last_day
        END
    UNION ALL
    SELECT
        absence.person_id,
        'medical reason against a statin' AS rule,
        absence.start_date AS first_date,
        'medical reason against a statin on ' || absence.start_date AS reason,
        {{ deciding_row('absence') }} AS deciding_rows
    FROM {{ ref('measure_absence') }} AS absence
    INNER JOIN {{ ref('qualifying_encounter') }} AS encounter
        ON
            absence.person_id = encounter.person_id
            AND encounter.value_set IN {{ listed(encounters) }}
            AND absence.start_date BETWEEN encounter.start_date AND encounter.end_date
    WHERE
        absence.value_set IN {{ listed(statins) }}
        AND absence.reason = 'medical_reason'
        AND absence.status IN ('active', 'completed')
),

exception AS (
    {{ first_exclusion(['hospice care', 'palliative care'], 'exception_event') | indent(4) }}
),

statin AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.authored_date,
        'statin by ' || event.code || ' ordered on ' || event.authored_date AS reason
    {{ events(statins) | indent(4) }}
    WHERE
        event.kind = 'prescription'
        AND event.status IN ('active', 'completed')
        AND (
            (
                event.intent IN {{ order_intents() }}
                AND event.authored_date BETWEEN person.period_start AND person.last_day
            )
            OR (
                event.supply_start_date <= person.last_day
                AND coalesce(event.supply_end_date, event.supply_start_date) >= person.period_start
            )
        )
    ORDER BY event.person_id ASC, event.authored_date DESC NULLS LAST, event.cdm_table ASC, event.cdm_id ASC
),

judged AS (
    SELECT
        person.person_id,
        person.age_at_start,
        encounter.person_id IS NOT NULL AS has_encounter,
        {{ deciding_row('encounter') }} AS encounter_rows,
        CASE
            WHEN cardiovascular.person_id IS NOT NULL THEN 1
            WHEN lipid.person_id IS NOT NULL THEN 2
            WHEN diabetes.person_id IS NOT NULL THEN 3
            WHEN risk.person_id IS NOT NULL THEN 4
        END AS own_group,
        coalesce(cardiovascular.reason, lipid.reason, diabetes.reason, risk.reason) AS population_reason,
        CASE
            WHEN cardiovascular.person_id IS NOT NULL THEN {{ deciding_row('cardiovascular') }}
            WHEN lipid.person_id IS NOT NULL THEN {{ deciding_row('lipid') }}
            WHEN diabetes.person_id IS NOT NULL THEN {{ deciding_row('diabetes') }}
            WHEN risk.person_id IS NOT NULL THEN {{ deciding_row('risk') }}
        END AS group_rows,
        exclusion.reason AS exclusion_reason,
        CASE WHEN exclusion.person_id IS NOT NULL THEN {{ deciding_row('exclusion') }} END AS exclusion_rows,
        statin.person_id IS NOT NULL AS is_numerator,
        coalesce(statin.reason, 'no statin in the period') AS outcome_reason,
        CASE WHEN statin.person_id IS NOT NULL THEN {{ deciding_row('statin') }} END AS outcome_rows,
        exception.reason AS exception_reason,
        exception.deciding_rows AS exception_rows,
        statin.authored_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN cardiovascular ON person.person_id = cardiovascular.person_id
    LEFT JOIN lipid ON person.person_id = lipid.person_id
    LEFT JOIN diabetes ON person.person_id = diabetes.person_id
    LEFT JOIN risk ON person.person_id = risk.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
    LEFT JOIN exception ON person.person_id = exception.person_id
    LEFT JOIN statin ON person.person_id = statin.person_id
),

grouped AS (
    SELECT
        judged.person_id,
        risk_group.group_number,
        judged.population_reason,
        judged.group_rows || judged.encounter_rows AS population_rows,
        judged.exclusion_reason,
        judged.exclusion_rows,
        judged.is_numerator,
        judged.outcome_reason,
        judged.outcome_rows,
        judged.exception_reason,
        judged.exception_rows,
        judged.last_event_date,
        CASE
            WHEN coalesce(judged.own_group, 0) <> risk_group.group_number
                THEN coalesce('another group: ' || judged.population_reason, 'no high risk of cardiovascular events')
            WHEN judged.age_at_start < risk_group.youngest OR judged.age_at_start > risk_group.oldest
                THEN
                    'age ' || judged.age_at_start || ' at the start of the period is outside '
                    || risk_group.youngest || ' to ' || risk_group.oldest
            WHEN NOT judged.has_encounter THEN 'no qualifying encounter in the period'
        END AS ineligible_reason
    FROM judged
    CROSS JOIN (
        VALUES (1, 0, 999), (2, 20, 75), (3, 40, 75), (4, 40, 75)
    ) AS risk_group (group_number, youngest, oldest)
)

{{ measure_result('CMS347', 'group_number', relation='grouped', has_exception=true) }}
