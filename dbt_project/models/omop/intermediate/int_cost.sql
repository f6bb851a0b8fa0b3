-- Lines with money, and what each is the cost of: the line's own row, the record it names, its visit, or failing these
-- the first row that its claim made. A line that finds none of them has no place in the CDM.
WITH
first_row AS (
    SELECT DISTINCT ON (line.resource_key, line.person_id)
        line.resource_key,
        line.person_id,
        event.event_id,
        event.cdm_table
    FROM {{ ref('int_claim_line') }} AS line
    INNER JOIN {{ ref('int_event') }} AS event
        ON line.claim_line_key = event.event_id AND event.bronze_table = 'claim_line'
    WHERE line.is_clinical
    ORDER BY line.resource_key ASC, line.person_id ASC, line.line_number ASC
)

SELECT
    line.claim_line_key,
    line.resource_key,
    line.person_id,
    line.kind,
    line.claim_type,
    line.coverage_key,
    line.encounter_key,
    line.currency,
    line.total_charge,
    line.amount_allowed,
    line.paid_by_payer,
    CASE
        WHEN line.paid_by_patient IS NOT NULL THEN line.paid_by_patient
        WHEN
            num_nonnulls(line.paid_patient_copay, line.paid_patient_coinsurance, line.paid_patient_deductible) > 0
            THEN
                coalesce(line.paid_patient_copay, 0)
                + coalesce(line.paid_patient_coinsurance, 0)
                + coalesce(line.paid_patient_deductible, 0)
    END AS patient_share,
    line.paid_patient_copay,
    line.paid_patient_coinsurance,
    line.paid_patient_deductible,
    line.paid_by_primary,
    line.revenue_codings,
    line.drg_codings,
    line.visit_occurrence_id,
    coalesce(own.event_id, named.event_id, line.visit_occurrence_id, first_row.event_id) AS cost_event_id,
    CASE
        WHEN own.event_id IS NOT NULL THEN own.cdm_table
        WHEN named.event_id IS NOT NULL THEN named.cdm_table
        WHEN line.visit_occurrence_id IS NOT NULL THEN 'visit_occurrence'
        ELSE first_row.cdm_table
    END AS event_cdm_table
FROM {{ ref('int_claim_line') }} AS line
LEFT JOIN {{ ref('int_event') }} AS own
    ON line.is_clinical AND line.claim_line_key = own.event_id AND own.bronze_table = 'claim_line'
LEFT JOIN {{ ref('int_event') }} AS named ON line.event_key = named.event_id AND line.person_id = named.person_id
LEFT JOIN first_row ON line.resource_key = first_row.resource_key AND line.person_id = first_row.person_id
WHERE line.has_money
