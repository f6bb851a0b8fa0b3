-- CMS2, depression: screening and follow-up plan (2026).
WITH
visit AS (
    SELECT DISTINCT
        person_id,
        cdm_table,
        cdm_id,
        start_date,
        end_date,
        start_datetime,
        end_datetime
    FROM {{ ref('qualifying_encounter') }}
    WHERE value_set IN ('encounter_to_screen_for_depression', 'physical_therapy_evaluation', 'telephone_visit')
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

exclusion AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        'bipolar disorder by ' || event.code || ' on ' || event.start_date AS reason
    {{ events(['bipolar_disorder']) | indent(4) }}
    INNER JOIN visit ON event.person_id = visit.person_id AND event.start_date < visit.start_date
    WHERE
        event.bronze_table = 'condition_occurrence'
        AND event.categories && ARRAY['problem-list-item', 'health-concern']
    ORDER BY event.person_id, event.start_date, event.cdm_table, event.cdm_id
),

-- The last screening by each tool in the fortnight up to an encounter; at 17 either tool answers, else that of the age.
screening AS (
    SELECT DISTINCT ON (event.person_id, event.value_set)
        event.person_id,
        replace(event.value_set, '_depression_screening', '') AS tool,
        CASE event.value_set
            WHEN 'adolescent_depression_screening' THEN person.age_at_start <= 17
            ELSE person.age_at_start >= 17
        END AS is_for_age,
        event.cdm_table,
        event.cdm_id,
        event.start_date
    {{ events(['adolescent_depression_screening', 'adult_depression_screening']) | indent(4) }}
    INNER JOIN visit
        ON
            event.person_id = visit.person_id
            AND event.end_date <= visit.start_date
            AND event.end_date >= visit.start_date - 14
    WHERE
        event.bronze_table = 'measurement'
        AND event.has_value
    ORDER BY
        event.person_id ASC,
        event.value_set ASC,
        event.start_date DESC,
        event.start_datetime DESC NULLS LAST,
        event.cdm_table ASC,
        event.cdm_id ASC
),

answer AS (
    SELECT
        screening.person_id,
        screening.tool,
        screening.cdm_table,
        screening.cdm_id,
        screening.start_date,
        coalesce(bool_or(said.value_set = 'depression_screening_negative'), FALSE) AS is_negative,
        coalesce(bool_or(said.value_set = 'depression_screening_positive'), FALSE) AS is_positive
    FROM screening
    LEFT JOIN {{ ref('measure_element') }} AS said
        ON
            screening.cdm_table = said.cdm_table
            AND screening.cdm_id = said.cdm_id
            AND said.element = 'value'
            AND said.value_set IN ('depression_screening_negative', 'depression_screening_positive')
    WHERE screening.is_for_age
    GROUP BY screening.person_id, screening.tool, screening.cdm_table, screening.cdm_id, screening.start_date
),

intervention AS (
    {{ interventions({
        'order': {
            'referral_for_adolescent_depression': ['adolescent'],
            'referral_for_adult_depression': ['adult'],
        },
        'medication': {
            'adolescent_depression_medications': ['adolescent'],
            'adult_depression_medications': ['adult'],
        },
        'procedure': {
            'follow_up_for_adolescent_depression': ['adolescent'],
            'follow_up_for_adult_depression': ['adult'],
        },
    }) | indent(4) }}
),

-- A procedure within the encounter, an order on the day it ends or the two after. As the logic is written, the supply
-- of a medication has begun by the end of an encounter that the screening was for, and lasts longer.
follow_up AS (
    SELECT DISTINCT ON (answer.person_id, answer.tool)
        answer.person_id,
        answer.tool,
        intervention.cdm_table,
        intervention.cdm_id,
        intervention.intervention_date,
        'follow-up by ' || intervention.code || ' on ' || intervention.intervention_date AS reason
    FROM answer
    INNER JOIN visit
        ON
            answer.person_id = visit.person_id
            AND answer.start_date <= visit.start_date
            AND answer.start_date >= visit.start_date - 14
    INNER JOIN intervention ON answer.person_id = intervention.person_id AND answer.tool = intervention.purpose
    INNER JOIN {{ ref('measure_person') }} AS person ON answer.person_id = person.person_id
    WHERE
        answer.is_positive
        AND intervention.intervention_date >= person.period_start
        AND intervention.intervention_date <= person.last_day
        AND CASE intervention.kind
            WHEN 'order'
                THEN
                    intervention.intervention_date >= visit.end_date
                    AND intervention.intervention_date <= visit.end_date + 2
            WHEN 'medication'
                THEN
                    intervention.intervention_date >= visit.end_date
                    AND intervention.intervention_date <= visit.end_date + 2
                    AND EXISTS (
                        SELECT
                        FROM visit AS screened
                        WHERE
                            answer.person_id = screened.person_id
                            AND answer.start_date <= screened.start_date
                            AND answer.start_date >= screened.start_date - 14
                            AND intervention.supply_start_date <= screened.end_date
                            AND intervention.supply_end_date > screened.end_date
                    )
            ELSE
                coalesce(
                    intervention.intervention_datetime >= visit.start_datetime
                    AND intervention.intervention_datetime <= visit.end_datetime,
                    intervention.intervention_date >= visit.start_date
                    AND intervention.intervention_date <= visit.end_date
                )
        END
    ORDER BY
        answer.person_id ASC,
        answer.tool ASC,
        intervention.intervention_date ASC,
        intervention.cdm_table ASC,
        intervention.cdm_id ASC
),

-- Of two tools the one that meets the numerator.
outcome AS (
    SELECT DISTINCT ON (answer.person_id)
        answer.person_id,
        answer.is_negative OR follow_up.person_id IS NOT NULL AS is_numerator,
        CASE
            WHEN answer.is_negative THEN 'negative'
            WHEN answer.is_positive THEN 'positive'
            ELSE 'neither positive nor negative'
        END || ' ' || answer.tool || ' depression screening on ' || answer.start_date
        || CASE
            WHEN answer.is_positive AND NOT answer.is_negative
                THEN '; ' || coalesce(follow_up.reason, 'no follow-up plan')
            ELSE ''
        END AS reason,
        {{ deciding_row('answer') }} || CASE
            WHEN NOT answer.is_negative AND follow_up.person_id IS NOT NULL THEN {{ deciding_row('follow_up') }}
            ELSE '[]'::jsonb
        END AS deciding_rows,
        answer.start_date
    FROM answer
    LEFT JOIN follow_up ON answer.person_id = follow_up.person_id AND answer.tool = follow_up.tool
    ORDER BY
        answer.person_id ASC,
        (answer.is_negative OR follow_up.person_id IS NOT NULL) DESC,
        answer.tool ASC
),

-- Not screened in an encounter for a reason, nor by that tool before any; as the logic is written, a tool for another
-- age too.
exception AS (
    SELECT DISTINCT ON (absence.person_id)
        absence.person_id,
        absence.cdm_table,
        absence.cdm_id,
        {{ in_words('absence.reason') }} || ' against ' || {{ in_words('absence.value_set') }}
        || ' on ' || absence.start_date AS reason
    FROM {{ ref('measure_absence') }} AS absence
    INNER JOIN visit
        ON absence.person_id = visit.person_id AND absence.start_date BETWEEN visit.start_date AND visit.end_date
    LEFT JOIN screening
        ON
            absence.person_id = screening.person_id
            AND absence.value_set = screening.tool || '_depression_screening'
    WHERE
        absence.value_set IN ('adolescent_depression_screening', 'adult_depression_screening')
        AND absence.status = 'cancelled'
        AND absence.reason IN ('depression_screening_declined', 'medical_reason')
        AND screening.person_id IS NULL
    ORDER BY absence.person_id, absence.start_date, absence.cdm_table, absence.cdm_id, absence.reason
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age_at_start < 12
                THEN 'age ' || person.age_at_start || ' at the start of the period is below 12'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'encounter on ' || encounter.start_date AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        CASE WHEN exclusion.person_id IS NOT NULL THEN {{ deciding_row('exclusion') }} END AS exclusion_rows,
        coalesce(outcome.is_numerator, FALSE) AS is_numerator,
        coalesce(outcome.reason, 'no depression screening in the fortnight up to an encounter') AS outcome_reason,
        outcome.deciding_rows AS outcome_rows,
        exception.reason AS exception_reason,
        CASE WHEN exception.person_id IS NOT NULL THEN {{ deciding_row('exception') }} END AS exception_rows,
        outcome.start_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN outcome ON person.person_id = outcome.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
    LEFT JOIN exception ON person.person_id = exception.person_id
)

{{ measure_result('CMS2', has_exception=true) }}
