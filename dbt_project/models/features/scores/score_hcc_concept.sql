-- How a source that codes diagnoses otherwise than in ICD-10-CM is reached through the vocabulary: a standard concept
-- stands for a code where CMS does the same with all codes that map to it, at any age and of either sex. A code with
-- longer ones below it is no diagnosis that CMS takes and does not count.
WITH
code AS (
    SELECT
        concept_id AS source_concept_id,
        replace(concept_code, '.', '') AS code
    FROM {{ source('vocab', 'concept') }}
    WHERE vocabulary_id = 'ICD10CM'
),

header AS (
    SELECT DISTINCT left(code.code, place.length) AS code
    FROM code
    CROSS JOIN LATERAL generate_series(3, length(code.code) - 1) AS place (length)
),

payment AS (
    SELECT DISTINCT payment_year
    FROM {{ ref('hcc_code') }}
),

category AS (
    SELECT
        payment_year,
        code,
        string_agg(category, ' ' ORDER BY category) AS categories
    FROM {{ ref('hcc_code') }}
    GROUP BY payment_year, code
),

edit AS (
    SELECT
        payment_year,
        code,
        string_agg(concat_ws('/', sex, age_from, age_to, category), ' ' ORDER BY sex, age_from, age_to) AS edits
    FROM {{ ref('hcc_edit') }}
    GROUP BY payment_year, code
)

SELECT
    payment.payment_year,
    link.concept_id_2 AS concept_id,
    CASE
        WHEN count(DISTINCT concat_ws(' but ', category.categories, edit.edits)) = 1 THEN min(category.code)
    END AS code,
    count(DISTINCT concat_ws(' but ', category.categories, edit.edits)) = 1 AS is_judged
FROM code
INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
    ON code.source_concept_id = link.concept_id_1 AND link.relationship_id = 'Maps to' AND link.invalid_reason IS NULL
CROSS JOIN payment
LEFT JOIN header ON code.code = header.code
LEFT JOIN category ON payment.payment_year = category.payment_year AND code.code = category.code
LEFT JOIN edit ON payment.payment_year = edit.payment_year AND code.code = edit.code
WHERE header.code IS NULL
GROUP BY payment.payment_year, link.concept_id_2
