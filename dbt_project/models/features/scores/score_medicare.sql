-- What Medicare says of how somebody is entitled: variables of CMS's Coverages, each a row of its own in observation.
WITH
fact AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        source.start_date,
        source.known_at,
        -- Of a month's variable the number of the month is in its day.
        regexp_replace(coding.code, '_?\d\d$', '') AS variable,
        source.value_codings -> 0 ->> 'code' AS answer
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ ref('event_coding') }} AS coding
        ON
            source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
            AND coding.system = 'https://bluebutton.cms.gov/resources/variables'
    WHERE source.start_date <= {{ as_of() }}
),

-- The latest answer of each month, whichever Coverage gives it.
month AS (
    SELECT DISTINCT ON (person_id, variable, start_date)
        person_id,
        variable,
        start_date,
        cdm_table,
        cdm_id,
        answer
    FROM fact
    WHERE variable IN ('dual', 'buyin') AND start_date >= make_date({{ payment_year() }} - 1, 1, 1)
    ORDER BY person_id ASC, variable ASC, start_date ASC, known_at DESC NULLS LAST, cdm_id ASC
),

entitlement AS (
    SELECT DISTINCT ON (fact.person_id)
        fact.person_id,
        fact.answer AS original_reason,
        {{ deciding_row('fact') }} AS deciding_rows
    FROM fact
    WHERE fact.variable = 'orec' AND fact.answer IN ('0', '1', '2', '3')
    ORDER BY fact.person_id ASC, fact.known_at DESC NULLS LAST, fact.start_date DESC, fact.cdm_id ASC
),

-- The latest of both: a kidney may have been transplanted since.
renal AS (
    SELECT
        person_id,
        bool_or(answer IN ('2', '3', 'Y')) AS is_renal,
        {{ deciding_rows() }} AS deciding_rows
    FROM (
        SELECT DISTINCT ON (person_id, variable)
            person_id,
            answer,
            cdm_table,
            cdm_id
        FROM fact
        WHERE variable IN ('crec', 'esrd_ind')
        ORDER BY person_id ASC, variable ASC, start_date DESC, known_at DESC NULLS LAST, cdm_id ASC
    ) AS latest
    GROUP BY person_id
),

-- 00 is who was not enrolled in the month, 99 and stars who is not known.
dual AS (
    SELECT DISTINCT ON (month.person_id)
        month.person_id,
        month.answer AS dual_status,
        month.start_date AS dual_month,
        {{ deciding_row('month') }} AS deciding_rows
    FROM month
    WHERE month.variable = 'dual' AND month.answer IN ('NA', '01', '02', '03', '04', '05', '06', '08', '09')
    ORDER BY month.person_id ASC, month.start_date DESC
),

-- 2: Part B, 3: both parts, B and C: the same where the state pays for it.
part_b AS (
    SELECT
        person_id,
        count(*) = 12 AS has_twelve_months,
        {{ deciding_rows() }} AS deciding_rows
    FROM month
    WHERE
        variable = 'buyin'
        AND answer IN ('2', '3', 'B', 'C')
        AND start_date < make_date({{ payment_year() }}, 1, 1)
    GROUP BY person_id
),

-- A Coverage tells the months of one year alone, and its period those of all.
part_b_period AS (
    SELECT
        person_id,
        jsonb_agg(
            jsonb_build_object('cdm_table', 'payer_plan_period', 'cdm_id', payer_plan_period_id)
            ORDER BY payer_plan_period_id
        ) AS deciding_rows
    FROM {{ ref('payer_plan_period') }}
    WHERE
        plan_source_value = 'Part B'
        AND payer_plan_period_start_date <= make_date({{ payment_year() }} - 1, 1, 1)
        AND payer_plan_period_end_date >= make_date({{ payment_year() }} - 1, 12, 31)
    GROUP BY person_id
)

SELECT
    person.person_id,
    entitlement.original_reason,
    CASE
        WHEN entitlement.original_reason IN ('2', '3') OR renal.is_renal THEN TRUE
        WHEN entitlement.original_reason IS NOT NULL OR renal.is_renal IS NOT NULL THEN FALSE
    END AS is_renal,
    dual.dual_status,
    dual.dual_month,
    coalesce(part_b.has_twelve_months, FALSE) OR part_b_period.person_id IS NOT NULL AS has_twelve_months,
    {{ merged_rows([
        'entitlement.deciding_rows', 'renal.deciding_rows', 'dual.deciding_rows', 'part_b.deciding_rows',
        'part_b_period.deciding_rows',
    ]) }} AS deciding_rows
FROM {{ ref('score_person') }} AS person
LEFT JOIN entitlement ON person.person_id = entitlement.person_id
LEFT JOIN renal ON person.person_id = renal.person_id
LEFT JOIN dual ON person.person_id = dual.person_id
LEFT JOIN part_b ON person.person_id = part_b.person_id
LEFT JOIN part_b_period ON person.person_id = part_b_period.person_id
