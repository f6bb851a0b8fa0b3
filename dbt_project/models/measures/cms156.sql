-- CMS156, use of high-risk medications in older adults (2026). Inverse, three groups: medications to avoid; medications
-- to avoid but for a diagnosis; either.
{%- set avoided = [
    'harmful_antihistamines', 'harmful_antiparkinsonian_agents', 'harmful_gastrointestinal_antispasmodics',
    'dipyridamole_medications', 'guanfacine_medications', 'nifedipine_medications', 'harmful_antidepressants',
    'harmful_barbiturates', 'ergoloid_mesylates', 'meprobamate_medications', 'harmful_estrogens',
    'harmful_sulfonylureas', 'desiccated_thyroid_medications', 'harmful_nonbenzodiazepine_hypnotics',
    'harmful_skeletal_muscle_relaxants', 'harmful_pain_medications', 'megestrol_medications', 'meperidine_medications'
] %}
{%- set judged_by_dose = ['digoxin_medications', 'doxepin_medications'] %}
{%- set for_a_diagnosis = ['harmful_antipsychotics', 'harmful_benzodiazepines'] %}
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'ophthalmological_services', 'preventive_care_established', 'nursing_facility_discharge',
        'nursing_facility_visit', 'long_term_residential_facility', 'preventive_care_initial', 'annual_wellness_visit',
        'home_healthcare', 'telephone_visit', 'virtual_encounter', 'office_visit_minimal'
    ]) | indent(4) }}
),

exclusion AS (
    {{ first_exclusion(['hospice care', 'palliative care']) | indent(4) }}
),

-- Orders of the period; of what is judged by its dose, those of a higher average dose a day.
ordered AS (
    SELECT
        event.person_id,
        event.value_set AS medication,
        event.cdm_table,
        event.cdm_id,
        event.authored_date,
        event.supply_start_date,
        event.total_days_supplied,
        coalesce(event.refills, 0) AS refills,
        person.period_start,
        person.last_day
    {{ events(avoided + judged_by_dose + for_a_diagnosis + ['harmful_antiinfectives']) | indent(4) }}
    LEFT JOIN {{ ref('medication_strength') }} AS medication ON event.code = medication.rxnorm_code
    WHERE
        event.kind = 'prescription'
        AND event.status IN ('active', 'completed')
        AND event.intent IN {{ order_intents() }}
        AND event.authored_date >= person.period_start
        AND event.authored_date <= person.last_day
        AND (
            event.value_set NOT IN {{ listed(judged_by_dose) }}
            OR (
                (medication.unit = 'mg' OR event.supplied_quantity_unit = 'mL')
                AND event.supplied_quantity * medication.strength / nullif(event.total_days_supplied, 0)
                > CASE event.value_set WHEN 'digoxin_medications' THEN 0.125 ELSE 6 END
            )
        )
),

-- More than one order of a medication: by a refill, by another day, or by another start of what was ordered on one day.
repeated AS (
    SELECT ordered.*
    FROM ordered
    WHERE
        ordered.refills >= 1
        OR EXISTS (
            SELECT
            FROM ordered AS other
            WHERE
                ordered.person_id = other.person_id
                AND ordered.medication = other.medication
                AND (
                    ordered.authored_date <> other.authored_date
                    OR (
                        ordered.supply_start_date <> other.supply_start_date
                        AND ordered.supply_start_date BETWEEN ordered.period_start AND ordered.last_day
                        AND other.supply_start_date BETWEEN other.period_start AND other.last_day
                    )
                )
        )
),

-- Each medication that was ordered more than once, with its first order of the period.
medication AS (
    SELECT
        person_id,
        medication,
        min(authored_date) AS first_date,
        max(authored_date) AS last_date,
        jsonb_agg(DISTINCT jsonb_build_object('cdm_table', cdm_table, 'cdm_id', cdm_id)) AS deciding_rows,
        CASE
            WHEN count(DISTINCT authored_date) > 1 THEN min(authored_date) || ' and ' || max(authored_date)
            ELSE min(authored_date) || ', more than once'
        END AS days
    FROM repeated
    GROUP BY person_id, medication
    -- Anti-infectives count from 91 days of supply on.
    HAVING medication <> 'harmful_antiinfectives' OR sum(total_days_supplied) > 90
),

-- The first order of the period, of a single one too.
index_order AS (
    SELECT
        person_id,
        medication,
        min(authored_date) AS index_date
    FROM ordered
    GROUP BY person_id, medication
),

treated AS (
    SELECT DISTINCT
        event.person_id,
        index_order.medication
    {{ events([
        'schizophrenia', 'bipolar_disorder', 'seizure_disorder', 'rem_sleep_behavior_disorder',
        'benzodiazepine_withdrawal', 'alcohol_withdrawal', 'generalized_anxiety_disorder'
    ]) | indent(4) }}
    INNER JOIN index_order
        ON
            event.person_id = index_order.person_id
            AND event.start_date <= index_order.index_date
            AND CASE
                WHEN event.value_set IN ('schizophrenia', 'bipolar_disorder')
                    THEN index_order.medication = 'harmful_antipsychotics'
                ELSE index_order.medication = 'harmful_benzodiazepines'
            END
    WHERE
        event.bronze_table = 'condition_occurrence'
        AND event.prevalence_end_date >= person.period_start - interval '1 year'
),

-- Of each person the first medication of either kind.
finding AS (
    SELECT DISTINCT ON (found.person_id, found.kind)
        found.person_id,
        found.kind,
        found.last_date,
        {{ in_words('found.medication') }} || ' ordered on ' || found.days AS reason,
        found.deciding_rows
    FROM (
        SELECT
            medication.*,
            CASE WHEN medication.medication IN {{ listed(for_a_diagnosis) }} THEN 2 ELSE 1 END AS kind
        FROM medication
        LEFT JOIN treated
            ON medication.person_id = treated.person_id AND medication.medication = treated.medication
        WHERE treated.person_id IS NULL
    ) AS found
    ORDER BY found.person_id, found.kind, found.first_date, found.medication
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
        finding.person_id IS NOT NULL AS is_numerator,
        coalesce(finding.reason, 'no high-risk medication ordered more than once') AS outcome_reason,
        finding.deciding_rows AS outcome_rows,
        finding.last_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    CROSS JOIN (VALUES (1), (2), (3)) AS medication_group (group_number)
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
    LEFT JOIN LATERAL (
        SELECT
            of_either.person_id,
            of_either.reason,
            of_either.deciding_rows,
            of_either.last_date
        FROM finding AS of_either
        WHERE
            person.person_id = of_either.person_id
            AND medication_group.group_number IN (of_either.kind, 3)
        ORDER BY of_either.kind
        LIMIT 1
    ) AS finding ON TRUE
)

{{ measure_result('CMS156', 'group_number') }}
