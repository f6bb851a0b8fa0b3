-- Diagnoses of the year before the payment year, with the categories that CMS takes them for: those confirmed in a
-- visit, without which one of a problem list does not count, and those of claims.
WITH
diagnosis AS (
    SELECT
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        source.concept_id,
        replace(upper(coding.code), '.', '') AS code
    FROM {{ ref('event_source') }} AS source
    LEFT JOIN {{ source('bronze', 'claim_line') }} AS billed
        ON source.bronze_table = 'claim_line' AND source.bronze_key = billed.claim_line_key
    LEFT JOIN {{ ref('visit_occurrence') }} AS visit ON source.visit_occurrence_id = visit.visit_occurrence_id
    LEFT JOIN {{ ref('event_coding') }} AS coding
        ON
            source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
            AND coding.system = 'http://hl7.org/fhir/sid/icd-10-cm'
    WHERE
        (
            (
                source.bronze_table = 'condition_occurrence'
                AND coalesce(source.verification_status, 'confirmed') = 'confirmed'
                AND (visit.visit_occurrence_id IS NOT NULL OR source.categories @> '["encounter-diagnosis"]')
            )
            OR (billed.kind = 'diagnosis' AND billed.claim_type IS DISTINCT FROM 'pharmacy')
        )
        -- A visit counts by its last day. A disease may be older than the visit that it was seen in.
        AND extract(YEAR FROM coalesce(visit.visit_end_date, source.recorded_date, source.start_date))
        = {{ payment_year() }} - 1
        AND source.start_date <= {{ as_of() }}
),

read AS (
    SELECT
        diagnosis.person_id,
        diagnosis.cdm_table,
        diagnosis.cdm_id,
        coalesce(diagnosis.code, known.code) AS code,
        diagnosis.code IS NULL AND known.is_judged IS NOT TRUE AS is_unjudged
    FROM diagnosis
    LEFT JOIN {{ ref('score_hcc_concept') }} AS known
        ON
            CASE WHEN diagnosis.code IS NULL THEN diagnosis.concept_id END = known.concept_id
            AND known.payment_year = {{ payment_year() }}
)

SELECT
    read.person_id,
    CASE WHEN edit.code IS NULL THEN hcc.category ELSE edit.category END AS category,
    read.cdm_table,
    read.cdm_id
FROM read
INNER JOIN {{ ref('score_person') }} AS person ON read.person_id = person.person_id
INNER JOIN {{ ref('hcc_code') }} AS hcc ON read.code = hcc.code AND hcc.payment_year = {{ payment_year() }}
LEFT JOIN {{ ref('hcc_edit') }} AS edit
    ON
        hcc.payment_year = edit.payment_year
        AND hcc.code = edit.code
        AND (edit.sex IS NULL OR person.sex = edit.sex)
        AND {{ age_on('make_date(hcc.payment_year, 2, 1)', 'person.birth_date') }}
        BETWEEN edit.age_from AND edit.age_to
WHERE edit.code IS NULL OR edit.category IS NOT NULL
UNION
SELECT
    person_id,
    NULL AS category,
    cdm_table,
    cdm_id
FROM read
WHERE is_unjudged
