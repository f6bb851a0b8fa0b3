-- Risk adjustment factor by CMS-HCC V28, before it is normalised and set off against how plans code: the sum of the
-- relative factors of age and sex, categories, what comes together and how many categories there are.
WITH
present AS (
    SELECT
        person_id,
        category,
        {{ deciding_rows() }} AS deciding_rows
    FROM {{ ref('score_hcc_diagnosis') }}
    WHERE category IS NOT NULL
    GROUP BY person_id, category
),

-- A device that assists the heart (223) counts with its failure alone.
found AS (
    SELECT present.*
    FROM present
    WHERE
        present.category <> '223'
        OR EXISTS (
            SELECT 1
            FROM present AS failure
            WHERE
                present.person_id = failure.person_id
                AND failure.category IN ('221', '222', '224', '225', '226')
        )
),

counted AS (
    SELECT found.*
    FROM found
    WHERE
        NOT EXISTS (
            SELECT 1
            FROM found AS graver
            INNER JOIN {{ ref('hcc_hierarchy') }} AS hierarchy
                ON graver.category = hierarchy.category AND hierarchy.payment_year = {{ payment_year() }}
            WHERE found.person_id = graver.person_id AND found.category = hierarchy.lesser_category
        )
),

-- That the device counts was decided by the failure too.
diagnosed AS (
    SELECT
        found.person_id,
        jsonb_agg(DISTINCT one.deciding) AS deciding_rows
    FROM found
    LEFT JOIN counted ON found.person_id = counted.person_id AND found.category = counted.category
    LEFT JOIN counted AS device ON found.person_id = device.person_id AND device.category = '223'
    CROSS JOIN LATERAL jsonb_array_elements(found.deciding_rows) AS one (deciding)
    WHERE
        counted.category IS NOT NULL
        OR (device.category IS NOT NULL AND found.category IN ('224', '225', '226'))
    GROUP BY found.person_id
),

unjudged AS (
    SELECT
        person_id,
        {{ deciding_rows() }} AS unjudged_rows
    FROM {{ ref('score_hcc_diagnosis') }}
    WHERE category IS NULL
    GROUP BY person_id
),

-- 42898160: non-hospital institution, 8676: nursing facility, 8863: skilled nursing facility. FHIR has no class of
-- encounters for them: their type says it, as a place of service (31, 32) or a role of the place.
stay AS (
    SELECT
        visit.person_id,
        jsonb_agg(
            jsonb_build_object('cdm_table', 'visit_occurrence', 'cdm_id', visit.visit_occurrence_id)
            ORDER BY visit.visit_occurrence_id
        ) AS deciding_rows
    FROM {{ ref('visit_occurrence') }} AS visit
    WHERE
        visit.visit_start_date < {{ as_of() }} - 90
        AND visit.visit_end_date >= {{ as_of() }}
        AND (
            visit.visit_concept_id IN (42898160, 8676, 8863)
            OR EXISTS (
                SELECT 1
                FROM {{ ref('event_coding') }} AS coding
                WHERE
                    coding.cdm_table = 'visit_occurrence'
                    AND visit.visit_occurrence_id = coding.cdm_id
                    AND (
                        (
                            coding.system
                            = 'https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set'
                            AND coding.code IN ('31', '32')
                        )
                        OR (
                            coding.system = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode'
                            AND coding.code IN ('NCCF', 'SNF')
                        )
                    )
            )
        )
    GROUP BY visit.person_id
),

entitled AS (
    SELECT
        person.person_id,
        person.sex,
        {{ age_on('make_date(' ~ payment_year() ~ ', 2, 1)', 'person.birth_date') }} AS age,
        medicare.original_reason,
        medicare.dual_status,
        medicare.dual_month,
        medicare.is_renal,
        medicare.has_twelve_months,
        medicare.deciding_rows AS medicare_rows,
        stay.deciding_rows AS stay_rows,
        CASE
            WHEN medicare.dual_status IN ('02', '04', '08') THEN 'F'
            WHEN medicare.dual_status IN ('01', '03', '05', '06') THEN 'P'
            WHEN medicare.dual_status IN ('NA', '09') THEN 'N'
        END AS dual_letter
    FROM {{ ref('score_person') }} AS person
    INNER JOIN {{ ref('score_medicare') }} AS medicare ON person.person_id = medicare.person_id
    LEFT JOIN stay ON person.person_id = stay.person_id
),

input AS (
    SELECT
        *,
        CASE
            WHEN dual_letter IS NULL THEN NULL
            WHEN stay_rows IS NOT NULL THEN 'INS'
            ELSE 'C' || dual_letter || CASE WHEN age >= 65 THEN 'A' ELSE 'D' END
        END AS segment,
        age < 65 AND original_reason <> '0' AS is_disabled,
        {{ lacks({
            'sex, female or male': 'sex IS NOT NULL',
            'original reason for entitlement': 'original_reason IS NOT NULL',
            'dual eligibility': 'dual_letter IS NOT NULL',
            'twelve months of Part B in the year before': 'has_twelve_months',
            'a model for end-stage renal disease': 'is_renal IS NOT TRUE',
            'factors of the payment year': 'EXISTS (SELECT 1 FROM ' ~ ref('hcc_coefficient')
            ~ ' AS known WHERE known.payment_year = ' ~ payment_year() ~ ')',
        }) }} AS lacks
    FROM entitled
),

fact AS (
    SELECT
        person_id,
        category AS fact
    FROM counted
    UNION ALL
    SELECT
        person_id,
        'disabled' AS fact
    FROM input
    WHERE is_disabled
),

part AS (
    SELECT
        payment_year,
        variable,
        count(DISTINCT part) AS parts
    FROM {{ ref('hcc_interaction') }}
    GROUP BY payment_year, variable
),

variable AS (
    SELECT
        person_id,
        upper(left(sex, 1)) || CASE
            WHEN age < 35 THEN '0_34'
            WHEN age < 45 THEN '35_44'
            WHEN age < 55 THEN '45_54'
            WHEN age < 60 THEN '55_59'
            WHEN age < 95 THEN (age / 5 * 5)::text || '_' || (age / 5 * 5 + 4)::text
            ELSE '95_GT'
        END AS variable
    FROM input
    UNION ALL
    SELECT
        person_id,
        'OriginallyDisabled_' || initcap(sex) AS variable
    FROM input
    WHERE original_reason = '1' AND NOT is_disabled
    UNION ALL
    SELECT
        person_id,
        'LTIMCAID' AS variable
    FROM input
    WHERE segment = 'INS' AND dual_letter IN ('F', 'P')
    UNION ALL
    SELECT
        person_id,
        'HCC' || category AS variable
    FROM counted
    UNION ALL
    SELECT
        person_id,
        CASE WHEN count(*) >= 10 THEN 'D10P' ELSE 'D' || count(*) END AS variable
    FROM counted
    GROUP BY person_id
    UNION ALL
    SELECT
        fact.person_id,
        interaction.variable
    FROM fact
    INNER JOIN {{ ref('hcc_interaction') }} AS interaction
        ON fact.fact = interaction.fact AND interaction.payment_year = {{ payment_year() }}
    INNER JOIN part ON interaction.payment_year = part.payment_year AND interaction.variable = part.variable
    GROUP BY fact.person_id, interaction.variable, part.parts
    HAVING count(DISTINCT interaction.part) = part.parts
),

summed AS (
    SELECT
        variable.person_id,
        sum(coefficient.coefficient) AS factor,
        jsonb_object_agg(variable.variable, coefficient.coefficient) FILTER (WHERE coefficient.coefficient <> 0)
            AS factors
    FROM variable
    INNER JOIN input ON variable.person_id = input.person_id AND input.lacks = '[]'
    INNER JOIN {{ ref('hcc_coefficient') }} AS coefficient
        ON
            input.segment = coefficient.segment
            AND variable.variable = coefficient.variable
            AND coefficient.payment_year = {{ payment_year() }}
    GROUP BY variable.person_id
),

named AS (
    SELECT
        counted.person_id,
        jsonb_object_agg('HCC' || counted.category, category.name) AS categories
    FROM counted
    INNER JOIN {{ ref('hcc_category') }} AS category
        ON counted.category = category.category AND category.payment_year = {{ payment_year() }}
    GROUP BY counted.person_id
)

SELECT
    input.person_id,
    {{ score_columns('hcc_v28', 'relative factor') }},
    summed.factor AS score,
    input.lacks,
    jsonb_strip_nulls(
        jsonb_build_object(
            'payment year', {{ payment_year() }},
            'segment', input.segment,
            'age', input.age,
            'original reason for entitlement', input.original_reason,
            'dual eligibility', input.dual_status,
            'month of dual eligibility', input.dual_month,
            'categories', named.categories,
            'factors', summed.factors
        )
    ) AS components,
    {{ merged_rows(['input.medicare_rows', 'input.stay_rows', 'diagnosed.deciding_rows']) }} AS deciding_rows,
    coalesce(unjudged.unjudged_rows, '[]'::jsonb) AS unjudged_rows
FROM input
LEFT JOIN summed ON input.person_id = summed.person_id
LEFT JOIN named ON input.person_id = named.person_id
LEFT JOIN diagnosed ON input.person_id = diagnosed.person_id
LEFT JOIN unjudged ON input.person_id = unjudged.person_id
