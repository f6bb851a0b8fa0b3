{{ config(post_hook="SELECT inference.label_answers(person_id, measure_id, period_start, sensitivity)
    FROM {{ this }} WHERE sensitivity <> '{}'") }}
WITH
-- Of a measure with several groups the one the person is in; of who is in several, or in none, the one that counts.
measure_group AS (
    SELECT DISTINCT ON (population.person_id, population.measure_id)
        population.person_id,
        population.measure_id,
        population.initial_population,
        population.denominator,
        population.denominator_exclusion,
        coalesce(population.denominator_exception, FALSE) AS denominator_exception,
        population.numerator,
        population.reason,
        population.deciding_rows,
        population.last_event_date,
        measure.measure_name,
        measure.is_inverse,
        measure.closes_with
    FROM {{ ref('measure_population') }} AS population
    INNER JOIN {{ ref('measure') }} AS measure ON population.measure_id = measure.measure_id
    ORDER BY
        population.person_id ASC,
        population.measure_id ASC,
        population.denominator DESC,
        (population.group_number = measure.care_gap_group) DESC,
        population.group_number ASC
),

decided_by AS (
    SELECT
        measure_group.person_id,
        measure_group.measure_id,
        deciding.one ->> 'cdm_table' AS cdm_table,
        (deciding.one ->> 'cdm_id')::bigint AS cdm_id
    FROM measure_group
    CROSS JOIN LATERAL jsonb_array_elements(measure_group.deciding_rows) AS deciding (one)
),

-- Evidence that a reviewer attested comes in as a source of its own.
attested AS (
    SELECT DISTINCT
        decided_by.person_id,
        decided_by.measure_id
    FROM decided_by
    INNER JOIN {{ ref('event_source') }} AS source
        ON decided_by.cdm_table = source.cdm_table AND decided_by.cdm_id = source.cdm_id
    WHERE source.source_system = 'attested'
),

made_of AS (
    SELECT
        person_id,
        measure_id,
        cdm_table,
        cdm_id
    FROM decided_by
    UNION ALL
    SELECT
        person_id,
        measure_id,
        'person' AS cdm_table,
        person_id AS cdm_id
    FROM measure_group
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
        measure_group.person_id,
        measure_group.measure_id,
        measure_group.deciding_rows,
        measure_group.last_event_date,
        coalesce(gap_label.sensitivity, '{}') AS sensitivity,
        CASE
            WHEN measure_group.initial_population AND person.death_date <= person.last_day
                THEN 'died on ' || person.death_date || '; ' || measure_group.reason
            ELSE measure_group.reason
        END AS reason,
        measure_group.measure_name,
        measure_group.closes_with,
        person.period_start,
        person.period_end,
        attested.person_id IS NOT NULL AS is_attested,
        CASE
            WHEN NOT measure_group.denominator THEN 'not_eligible'
            WHEN measure_group.denominator_exclusion THEN 'excluded'
            -- The measures count who has died; nobody has to work on their gap.
            WHEN measure_group.denominator_exception OR person.death_date <= person.last_day THEN 'exception'
            WHEN measure_group.numerator = measure_group.is_inverse THEN 'open'
            ELSE 'closed'
        END AS status
    FROM measure_group
    INNER JOIN {{ ref('measure_person') }} AS person ON measure_group.person_id = person.person_id
    LEFT JOIN gap_label
        ON measure_group.person_id = gap_label.person_id AND measure_group.measure_id = gap_label.measure_id
    LEFT JOIN attested
        ON measure_group.person_id = attested.person_id AND measure_group.measure_id = attested.measure_id
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
    is_attested,
    {{ as_of() }} AS as_of,
    sensitivity
FROM judged
