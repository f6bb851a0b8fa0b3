-- CMS125, breast cancer screening (2026).
WITH
encounter AS (
    {{ first_encounter(adult_outpatient_encounters()) | indent(4) }}
),

-- Which breast is gone, and by which rows: by a procedure, or by a diagnosis that names its side or has it as its site.
mastectomy AS (
    SELECT
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.code,
        event.start_date,
        CASE
            WHEN event.value_set IN ('bilateral_mastectomy', 'history_of_bilateral_mastectomy') THEN 'both'
            WHEN event.value_set IN ('status_post_left_mastectomy', 'unilateral_mastectomy_left') THEN 'left'
            WHEN event.value_set IN ('status_post_right_mastectomy', 'unilateral_mastectomy_right') THEN 'right'
            ELSE site.value_set
        END AS side
    {{ events([
        'bilateral_mastectomy', 'history_of_bilateral_mastectomy', 'status_post_left_mastectomy',
        'status_post_right_mastectomy', 'unilateral_mastectomy_left', 'unilateral_mastectomy_right',
        'unilateral_mastectomy_unspecified_laterality'
    ]) | indent(4) }}
    LEFT JOIN {{ ref('measure_element') }} AS site
        ON
            event.value_set = 'unilateral_mastectomy_unspecified_laterality'
            AND event.cdm_table = site.cdm_table
            AND event.cdm_id = site.cdm_id
            AND site.element = 'body site'
            AND site.value_set IN ('left', 'right')
    WHERE
        CASE
            WHEN
                event.value_set IN ('bilateral_mastectomy', 'unilateral_mastectomy_left', 'unilateral_mastectomy_right')
                THEN event.bronze_table = 'procedure_occurrence' AND event.end_date <= person.period_end
            ELSE event.bronze_table = 'condition_occurrence' AND event.start_date <= person.period_end
        END
),

first_mastectomy AS (
    SELECT DISTINCT ON (person_id, side)
        person_id,
        cdm_table,
        cdm_id,
        code,
        start_date,
        side
    FROM mastectomy
    WHERE side IS NOT NULL
    ORDER BY person_id, side, start_date, cdm_table, cdm_id
),

own_exclusion AS (
    SELECT
        event.person_id,
        'mastectomy of both breasts' AS rule,
        event.start_date AS first_date,
        'mastectomy of both breasts by ' || event.code || ' on ' || event.start_date AS reason,
        {{ deciding_row('event') }} AS deciding_rows
    FROM first_mastectomy AS event
    WHERE event.side = 'both'
    UNION ALL
    SELECT
        leftward.person_id,
        'mastectomy of both breasts' AS rule,
        greatest(leftward.start_date, rightward.start_date) AS first_date,
        'mastectomy of the left breast by ' || leftward.code || ' on ' || leftward.start_date
        || ' and of the right by ' || rightward.code || ' on ' || rightward.start_date AS reason,
        {{ deciding_row('leftward') }} || {{ deciding_row('rightward') }} AS deciding_rows
    FROM first_mastectomy AS leftward
    INNER JOIN first_mastectomy AS rightward ON leftward.person_id = rightward.person_id AND rightward.side = 'right'
    WHERE leftward.side = 'left'
),

exclusion AS (
    {{ first_exclusion(exclusions_of_older_adults(), 'own_exclusion') | indent(4) }}
),

-- From 1 October two years before the end of the period, which are 27 months.
screening AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.end_date,
        'mammography by ' || event.code || ' on ' || event.end_date AS reason
    {{ events(['mammography']) | indent(4) }}
    WHERE
        event.end_date BETWEEN person.period_start - interval '15 months' AND person.last_day
        AND (
            (event.bronze_table = 'measurement' AND event.categories @> ARRAY['imaging'])
            OR event.kind = 'diagnostic-report'
        )
    ORDER BY event.person_id ASC, event.end_date DESC, event.cdm_table ASC, event.cdm_id ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN coalesce(person.sex, '') <> 'female' THEN 'not female'
            WHEN person.age NOT BETWEEN 42 AND 74 THEN 'age ' || person.age || ' is outside 42 to 74'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'female, age ' || person.age AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        screening.person_id IS NOT NULL AS is_numerator,
        coalesce(screening.reason, 'no mammography in 27 months') AS outcome_reason,
        CASE WHEN screening.person_id IS NOT NULL THEN {{ deciding_row('screening') }} END AS outcome_rows,
        screening.end_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN screening ON person.person_id = screening.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS125') }}
