-- The exclusions that several measures share, as the eCQM libraries Hospice, PalliativeCare and
-- AdvancedIllnessandFrailty define them.
WITH
answer AS (
    SELECT
        question.cdm_table,
        question.cdm_id,
        question.person_id,
        question.value_set AS question,
        question.start_date,
        question.end_date,
        question.end_datetime,
        said.value_set AS answer
    FROM {{ ref('measure_event') }} AS question
    LEFT JOIN {{ ref('measure_element') }} AS said
        ON
            question.cdm_table = said.cdm_table
            AND question.cdm_id = said.cdm_id
            AND said.element = 'value'
            AND said.value_set IN ('answer_yes', 'lives_in_nursing_home', 'frailty_device')
    WHERE
        question.bronze_table = 'measurement'
        AND question.value_set IN (
            'hospice_assessment', 'housing_status', 'medical_equipment_used', 'palliative_care_assessment'
        )
),

event AS (
    SELECT
        event.*,
        person.age,
        person.period_start,
        person.period_end,
        event.start_date <= person.period_end
        AND event.end_date >= person.period_start AS is_overlapping,
        event.start_date <= person.period_end
        AND event.prevalence_end_date >= person.period_start AS is_prevalent
    FROM {{ ref('measure_event') }} AS event
    INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id
),

authored AS (
    SELECT measure_order.*
    FROM {{ ref('measure_order') }} AS measure_order
    INNER JOIN {{ ref('measure_person') }} AS person ON measure_order.person_id = person.person_id
    WHERE measure_order.authored_date BETWEEN person.period_start AND person.period_end
),

hospice_event AS (
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM event
    WHERE
        (value_set = 'hospice_care' AND is_overlapping AND bronze_table = 'procedure_occurrence')
        OR (value_set = 'hospice_encounter' AND is_overlapping AND bronze_table = 'visit_occurrence')
        OR (value_set = 'hospice_diagnosis' AND is_prevalent AND bronze_table = 'condition_occurrence')
    UNION
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        authored_date AS start_date
    FROM authored
    WHERE value_set = 'hospice_care' AND kind = 'service-order'
    UNION
    SELECT
        answer.person_id,
        answer.cdm_table,
        answer.cdm_id,
        answer.start_date
    FROM answer
    INNER JOIN {{ ref('measure_person') }} AS person ON answer.person_id = person.person_id
    WHERE
        answer.question = 'hospice_assessment'
        AND answer.answer = 'answer_yes'
        AND answer.start_date <= person.period_end
        AND answer.end_date >= person.period_start
    UNION
    SELECT
        visit.person_id,
        'visit_occurrence' AS cdm_table,
        visit.visit_occurrence_id AS cdm_id,
        source.end_date AS start_date
    FROM {{ ref('visit_occurrence') }} AS visit
    INNER JOIN {{ ref('event_source') }} AS source
        ON
            source.cdm_table = 'visit_occurrence'
            AND visit.visit_occurrence_id = source.cdm_id
            AND source.status = 'finished'
    INNER JOIN {{ ref('measure_person') }} AS person ON visit.person_id = person.person_id
    INNER JOIN {{ ref('value_set') }} AS value_set
        ON value_set.name = 'discharge_to_hospice' AND visit.discharged_to_source_value = value_set.code
    LEFT JOIN {{ ref('value_set_event') }} AS inpatient
        ON
            inpatient.value_set = 'encounter_inpatient'
            AND inpatient.cdm_table = 'visit_occurrence'
            AND visit.visit_occurrence_id = inpatient.cdm_id
    WHERE
        source.end_date BETWEEN person.period_start AND person.last_day
        AND (
            inpatient.cdm_id IS NOT NULL
            OR (source.kind IN ('IMP', 'ACUTE', 'NONAC', 'EMER-IMP') AND {{ is_known_by_class('source') | indent(16) }})
        )
),

-- A hospice stay that ends with a discharge to hospice is one row.
hospice AS (
    SELECT DISTINCT ON (person_id, cdm_table, cdm_id)
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM hospice_event
    ORDER BY person_id, cdm_table, cdm_id, start_date
),

palliative AS (
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM event
    WHERE
        (value_set = 'palliative_care_intervention' AND is_overlapping AND bronze_table = 'procedure_occurrence')
        OR (value_set = 'palliative_care_encounter' AND is_overlapping AND bronze_table = 'visit_occurrence')
        OR (value_set = 'palliative_care_diagnosis' AND is_prevalent AND bronze_table = 'condition_occurrence')
    UNION
    SELECT
        answer.person_id,
        answer.cdm_table,
        answer.cdm_id,
        answer.start_date
    FROM answer
    INNER JOIN {{ ref('measure_person') }} AS person ON answer.person_id = person.person_id
    WHERE
        answer.question = 'palliative_care_assessment'
        AND answer.start_date <= person.period_end
        AND answer.end_date >= person.period_start
),

frailty AS (
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM event
    WHERE
        (value_set = 'frailty_encounter' AND is_overlapping AND bronze_table = 'visit_occurrence')
        OR (value_set = 'frailty_diagnosis' AND is_prevalent AND bronze_table = 'condition_occurrence')
        OR (value_set = 'frailty_symptom' AND is_overlapping AND bronze_table = 'measurement')
    UNION
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        authored_date AS start_date
    FROM authored
    WHERE value_set = 'frailty_device' AND kind = 'device-order'
    UNION
    SELECT
        answer.person_id,
        answer.cdm_table,
        answer.cdm_id,
        answer.start_date
    FROM answer
    INNER JOIN {{ ref('measure_person') }} AS person ON answer.person_id = person.person_id
    WHERE
        answer.question = 'medical_equipment_used'
        AND answer.answer = 'frailty_device'
        AND answer.end_date BETWEEN person.period_start AND person.period_end
),

illness AS (
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM event
    WHERE
        (
            value_set = 'advanced_illness'
            AND bronze_table = 'condition_occurrence'
            AND start_date BETWEEN period_start - interval '1 year' AND period_end
        )
        OR (
            value_set = 'dementia_medications'
            -- Of requests only, one that the patient reported among them.
            AND bronze_table = 'drug_exposure'
            AND intent IN {{ order_intents() }}
            AND status = 'active'
            AND supply_start_date <= period_end
            AND supply_end_date >= period_start - interval '1 year'
        )
),

-- The last answer counts: a later one cancels an earlier stay.
housing AS (
    SELECT DISTINCT ON (answer.person_id)
        answer.person_id,
        answer.cdm_table,
        answer.cdm_id,
        answer.start_date,
        answer.answer
    FROM answer
    INNER JOIN {{ ref('measure_person') }} AS person ON answer.person_id = person.person_id
    WHERE answer.question = 'housing_status' AND answer.end_date <= person.period_end
    ORDER BY
        answer.person_id ASC,
        answer.end_date DESC,
        answer.end_datetime DESC NULLS LAST,
        answer.cdm_table ASC,
        answer.cdm_id ASC,
        -- Of two codings of one answer either may say it.
        (answer.answer = 'lives_in_nursing_home') DESC NULLS LAST
),

nursing_home AS (
    SELECT
        person_id,
        cdm_table,
        cdm_id,
        start_date
    FROM housing
    WHERE answer = 'lives_in_nursing_home'
)

{% for relation, exclusion in [
    ('hospice', 'hospice care'),
    ('palliative', 'palliative care'),
    ('nursing_home', 'long-term nursing home resident'),
    ('frailty', 'frailty'),
    ('illness', 'advanced illness'),
] %}
SELECT
    person_id,
    '{{ exclusion }}' AS exclusion,
    cdm_table,
    cdm_id,
    start_date
FROM {{ relation }}
{{ 'UNION ALL' if not loop.last }}
{% endfor %}
