-- CMS156, use of high-risk medications in older adults (2026). Inverse. Group 1: repeated orders of one class; group 2:
-- of antipsychotics or benzodiazepines without a diagnosis that they are for; group 3: either.
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'ophthalmological_services', 'preventive_care_established', 'nursing_facility_discharge',
        'nursing_facility_visit', 'long_term_residential_facility', 'preventive_care_initial',
        'annual_wellness_visit', 'home_healthcare', 'telephone_visit', 'virtual_encounter', 'office_visit_minimal'
    ]) | indent(4) }}
),

exclusion AS (
    {{ first_exclusion(['hospice care', 'palliative care']) | indent(4) }}
),

-- Of digoxin and doxepin, whose dose decides.
strength AS (
    SELECT DISTINCT ON (coding.cdm_table, coding.cdm_id)
        coding.cdm_table,
        coding.cdm_id,
        strength.strength,
        strength.strength_unit
    FROM {{ ref('medication_strength') }} AS strength
    INNER JOIN {{ ref('event_coding') }} AS coding
        ON coding.system = 'http://www.nlm.nih.gov/research/umls/rxnorm' AND strength.rxnorm_code = coding.code
    ORDER BY coding.cdm_table, coding.cdm_id, strength.rxnorm_code
),

-- Orders of the period, by class. As the logic is written, the dose of a day is what one supply holds over the days of
-- all of them, refills among these.
medication_order AS (
    SELECT
        event.person_id,
        event.value_set,
        event.cdm_table,
        event.cdm_id,
        event.code,
        event.authored_date,
        event.refills,
        event.total_days_supplied,
        CASE
            WHEN event.supply_start_date BETWEEN person.period_start AND person.period_end THEN event.supply_start_date
        END AS supply_start_date,
        CASE
            WHEN
                (strength.strength_unit = 'mg/mL') = (coalesce(event.supplied_quantity_unit, '') = 'mL')
                THEN event.supplied_quantity * strength.strength / nullif(event.total_days_supplied, 0)
        END AS milligrams_per_day
    {{ events([
        'harmful_antihistamines', 'harmful_antiparkinsonian_agents', 'harmful_gastrointestinal_antispasmodics',
        'dipyridamole_medications', 'guanfacine_medications', 'nifedipine_medications', 'harmful_antidepressants',
        'harmful_barbiturates', 'ergoloid_mesylates', 'meprobamate_medications', 'harmful_estrogens',
        'harmful_sulfonylureas', 'desiccated_thyroid_medications', 'harmful_nonbenzodiazepine_hypnotics',
        'harmful_skeletal_muscle_relaxants', 'harmful_pain_medications', 'megestrol_medications',
        'meperidine_medications', 'harmful_antiinfectives', 'digoxin_medications', 'doxepin_medications',
        'harmful_antipsychotics', 'harmful_benzodiazepines'
    ]) | indent(4) }}
    LEFT JOIN strength ON event.cdm_table = strength.cdm_table AND event.cdm_id = strength.cdm_id
    WHERE
        event.bronze_table = 'drug_exposure'
        AND event.status IN ('active', 'completed')
        AND event.intent IN {{ order_intents() }}
        AND event.authored_date BETWEEN person.period_start AND person.last_day
),

-- Who has more than one order of a class: on another day, on one day for times that begin on different days, or one
-- that is to be refilled.
compared AS (
    SELECT
        medication_order.*,
        min(medication_order.authored_date) OVER class AS first_authored,
        max(medication_order.authored_date) OVER class AS last_authored,
        min(medication_order.supply_start_date) OVER class_day AS first_start,
        max(medication_order.supply_start_date) OVER class_day AS last_start
    FROM medication_order
    WHERE
        CASE medication_order.value_set
            WHEN 'digoxin_medications' THEN medication_order.milligrams_per_day > 0.125
            WHEN 'doxepin_medications' THEN medication_order.milligrams_per_day > 6
            ELSE TRUE
        END
    WINDOW
        class AS (PARTITION BY medication_order.person_id, medication_order.value_set),
        class_day AS (
            PARTITION BY medication_order.person_id, medication_order.value_set, medication_order.authored_date
        )
),

repeated AS (
    SELECT
        person_id,
        value_set,
        min(first_authored) AS index_date,
        max(authored_date) AS last_date,
        sum(total_days_supplied) AS days_supplied,
        {{ in_words('value_set') }} || ' by ' || min(code) || ', ' || CASE
            WHEN count(*) = 1 THEN 'one order with refills on ' || max(authored_date)
            ELSE count(*) || ' orders, the last on ' || max(authored_date)
        END AS reason,
        jsonb_agg(
            jsonb_build_object('cdm_table', cdm_table, 'cdm_id', cdm_id) ORDER BY authored_date, cdm_table, cdm_id
        ) AS deciding_rows
    FROM compared
    WHERE
        refills >= 1
        OR first_authored < last_authored
        OR (supply_start_date IS NOT NULL AND first_start < last_start)
    GROUP BY person_id, value_set
),

-- From the year before the period to the first order of the period.
treated AS (
    SELECT DISTINCT
        repeated.person_id,
        repeated.value_set
    FROM repeated
    INNER JOIN {{ ref('measure_event') }} AS event
        ON
            repeated.person_id = event.person_id
            AND event.bronze_table = 'condition_occurrence'
            AND repeated.index_date >= event.start_date
            AND event.value_set IN (
                'schizophrenia', 'bipolar_disorder', 'seizure_disorder', 'rem_sleep_behavior_disorder',
                'benzodiazepine_withdrawal', 'alcohol_withdrawal', 'generalized_anxiety_disorder'
            )
            AND CASE repeated.value_set
                WHEN 'harmful_antipsychotics' THEN event.value_set IN ('schizophrenia', 'bipolar_disorder')
                ELSE event.value_set NOT IN ('schizophrenia', 'bipolar_disorder')
            END
    INNER JOIN {{ ref('measure_person') }} AS person
        ON
            event.person_id = person.person_id
            AND event.prevalence_end_date >= person.period_start - interval '1 year'
    WHERE repeated.value_set IN ('harmful_antipsychotics', 'harmful_benzodiazepines')
),

found AS (
    SELECT
        repeated.person_id,
        CASE
            WHEN repeated.value_set IN ('harmful_antipsychotics', 'harmful_benzodiazepines') THEN 2 ELSE 1
        END AS group_number,
        repeated.value_set,
        repeated.last_date,
        repeated.reason,
        repeated.deciding_rows
    FROM repeated
    LEFT JOIN treated ON repeated.person_id = treated.person_id AND repeated.value_set = treated.value_set
    WHERE
        treated.person_id IS NULL
        AND (repeated.value_set <> 'harmful_antiinfectives' OR repeated.days_supplied > 90)
),

-- Of each group the class that comes first by name.
decisive AS (
    SELECT DISTINCT ON (found.person_id, medication_group.group_number)
        found.person_id,
        medication_group.group_number,
        found.last_date,
        found.reason,
        found.deciding_rows
    FROM found
    INNER JOIN (VALUES (1, 1), (2, 2), (3, 1), (3, 2)) AS medication_group (group_number, of_group)
        ON found.group_number = medication_group.of_group
    ORDER BY found.person_id, medication_group.group_number, found.value_set
),

judged AS (
    SELECT
        person.person_id,
        medication_group.group_number,
        CASE
            WHEN person.age < 65 THEN 'age ' || person.age || ' is below 65'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'age ' || person.age AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        decisive.person_id IS NOT NULL AS is_numerator,
        coalesce(
            decisive.reason,
            CASE medication_group.group_number
                WHEN 2 THEN 'no repeated antipsychotic or benzodiazepine without a diagnosis for it'
                ELSE 'no repeated high-risk medication in the period'
            END
        ) AS outcome_reason,
        decisive.deciding_rows AS outcome_rows,
        decisive.last_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    CROSS JOIN (VALUES (1), (2), (3)) AS medication_group (group_number)
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN decisive
        ON person.person_id = decisive.person_id AND medication_group.group_number = decisive.group_number
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS156', 'group_number') }}
