{{ config(post_hook="SELECT inference.label_answers(person_id, measure_id, period_start, sensitivity)
    FROM {{ this }} WHERE sensitivity <> '{}'") }}
WITH
made_of AS (
    SELECT
        population.person_id,
        population.measure_id,
        deciding.one ->> 'cdm_table' AS cdm_table,
        (deciding.one ->> 'cdm_id')::bigint AS cdm_id
    FROM {{ ref('measure_population') }} AS population
    CROSS JOIN LATERAL jsonb_array_elements(population.deciding_rows) AS deciding (one)
    UNION ALL
    SELECT
        person_id,
        measure_id,
        'person' AS cdm_table,
        person_id AS cdm_id
    FROM {{ ref('measure_population') }}
),

-- A gap is as sensitive as its person and the rows that decide it.
gap_label AS (
    SELECT
        made_of.person_id,
        made_of.measure_id,
        array_agg(DISTINCT code.label ORDER BY code.label) AS sensitivity
    FROM made_of
    INNER JOIN {{ ref('int_sensitive_row') }} AS label
        ON made_of.cdm_table = label.cdm_table AND made_of.cdm_id = label.cdm_id
    CROSS JOIN LATERAL unnest(label.sensitivity) AS code (label)
    GROUP BY made_of.person_id, made_of.measure_id
),

judged AS (
    SELECT
        population.person_id,
        population.measure_id,
        population.deciding_rows,
        population.last_event_date,
        coalesce(gap_label.sensitivity, '{}') AS sensitivity,
        CASE
            WHEN population.initial_population AND person.death_date <= person.last_day
                THEN 'died on ' || person.death_date || '; ' || population.reason
            ELSE population.reason
        END AS reason,
        measure.measure_name,
        measure.closes_with,
        person.period_start,
        person.period_end,
        CASE
            WHEN NOT population.initial_population THEN 'not_eligible'
            WHEN population.denominator_exclusion THEN 'excluded'
            -- The measure counts who died within its period; nobody has to work on their gap.
            WHEN person.death_date <= person.last_day THEN 'exception'
            WHEN population.numerator = measure.is_inverse THEN 'open'
            ELSE 'closed'
        END AS status
    FROM {{ ref('measure_population') }} AS population
    INNER JOIN {{ ref('measure') }} AS measure ON population.measure_id = measure.measure_id
    INNER JOIN {{ ref('measure_person') }} AS person ON population.person_id = person.person_id
    LEFT JOIN gap_label
        ON population.person_id = gap_label.person_id AND population.measure_id = gap_label.measure_id
)

SELECT
    {{ hashed_key(["person_id::text", "measure_id", "period_start::text"]) }} AS care_gap_id,
    person_id,
    measure_id,
    measure_name,
    period_start,
    period_end,
    status,
    reason,
    deciding_rows,
    CASE WHEN status = 'open' THEN greatest(period_start, last_event_date) END AS open_since,
    CASE WHEN status = 'open' THEN period_end END AS due_date,
    CASE WHEN status = 'open' THEN closes_with END AS closes_with,
    {{ as_of() }} AS as_of,
    sensitivity
FROM judged
