-- Diagnoses of the claim of each person's latest stay. Of several claims for a stay, as interim bills, or the claim and
-- the payer's answer to it, the one known last has all that was coded.
WITH
claim AS (
    SELECT DISTINCT ON (stay.person_id)
        stay.person_id,
        stay.visit_occurrence_id,
        judged.resource_key
    FROM {{ ref('score_stay') }} AS stay
    INNER JOIN {{ ref('int_claim_line') }} AS judged
        ON
            stay.person_id = judged.person_id
            AND judged.claim_type IN ('inpatient', 'institutional')
            AND (
                stay.visit_occurrence_id = judged.visit_occurrence_id
                -- One that names no visit we have is told by the day of admission.
                OR (
                    judged.visit_occurrence_id IS NULL
                    AND judged.claim_type = 'inpatient'
                    AND stay.admission_date = judged.start_date
                )
            )
    INNER JOIN {{ source('bronze', 'claim_line') }} AS line ON judged.claim_line_key = line.claim_line_key
    WHERE line.kind = 'diagnosis' OR line.recorded_diagnoses IS NOT NULL
    ORDER BY
        stay.person_id ASC,
        judged.visit_occurrence_id ASC NULLS LAST,
        judged.known_at DESC NULLS LAST,
        line.is_adjudicated DESC,
        judged.resource_key ASC
),

billed AS (
    SELECT
        claim.person_id,
        claim.visit_occurrence_id,
        claim.resource_key,
        'bronze.claim_line' AS cdm_table,
        line.claim_line_key AS cdm_id,
        line.diagnosis_type,
        line.on_admission,
        line.codings
    FROM claim
    INNER JOIN {{ source('bronze', 'claim_line') }} AS line ON claim.resource_key = line.resource_key
    WHERE line.kind = 'diagnosis'
),

named AS (
    SELECT
        claim.person_id,
        claim.visit_occurrence_id,
        claim.resource_key,
        line.claim_line_key,
        coalesce(alias.resource_key, (recorded.one ->> 'condition_key')::bigint) AS condition_key,
        recorded.one ->> 'diagnosis_type' AS diagnosis_type,
        recorded.one ->> 'on_admission' AS on_admission
    FROM claim
    INNER JOIN {{ source('bronze', 'claim_line') }} AS line ON claim.resource_key = line.resource_key
    CROSS JOIN LATERAL jsonb_array_elements(line.recorded_diagnoses) AS recorded (one)
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias
        ON (recorded.one ->> 'condition_key')::bigint = alias.alias_key
),

-- A Condition that never came is a diagnosis all the same.
recorded AS (
    SELECT
        named.person_id,
        named.visit_occurrence_id,
        named.resource_key,
        coalesce(source.cdm_table, 'bronze.claim_line') AS cdm_table,
        coalesce(source.cdm_id, named.claim_line_key) AS cdm_id,
        named.diagnosis_type,
        named.on_admission,
        source.codings
    FROM named
    LEFT JOIN {{ ref('event_source') }} AS source
        ON
            named.condition_key = source.resource_key
            AND named.person_id = source.person_id
            AND source.bronze_table = 'condition_occurrence'
),

diagnosis AS (
    SELECT * FROM billed
    UNION ALL
    SELECT * FROM recorded
)

SELECT DISTINCT
    person_id,
    visit_occurrence_id,
    resource_key,
    cdm_table,
    cdm_id,
    coalesce(diagnosis_type, 'secondary') AS diagnosis_type,
    on_admission,
    upper(
        replace(
            jsonb_path_query_first(codings, '$[*] ? (@.system == "http://hl7.org/fhir/sid/icd-10-cm").code') #>> '{}',
            '.',
            ''
        )
    ) AS code
FROM diagnosis
