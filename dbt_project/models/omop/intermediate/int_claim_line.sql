-- Lines of claims, judged. Of a claim and the payer's answers to it the first answer speaks, for its money and for what
-- was done; a later answer, as of a second payer, adds what that payer paid. What was done is told by the visit that
-- was billed, or by the record that a line names, where we have it: only without either do lines speak for themselves.
WITH
-- Read thrice, each time for a few of its columns: written out once, it would be as large as all that is made of it.
line AS NOT MATERIALIZED (
    SELECT
        line.claim_line_key,
        line.resource_key,
        line.source_system,
        line.person_key,
        crosswalk.person_id,
        line.is_adjudicated,
        line.kind,
        line.line_number,
        line.claim_type,
        coalesce(claim_alias.resource_key, line.claim_key) AS claim_key,
        coalesce(coverage_alias.resource_key, line.coverage_key) AS coverage_key,
        visit.visit_occurrence_id,
        coalesce(top.encounter_key, encounter_alias.resource_key, line.visit_occurrence_key) AS encounter_key,
        line.visit_occurrence_key,
        line.provider_key,
        line.item_sequence,
        line.event_key,
        line.named_keys,
        line.codings,
        line.code_text,
        line.start_date,
        line.end_date,
        line.currency,
        line.total_charge,
        line.amount_allowed,
        line.paid_by_payer,
        line.paid_by_patient,
        line.paid_patient_copay,
        line.paid_patient_coinsurance,
        line.paid_patient_deductible,
        line.paid_by_primary,
        -- Of a claim of no lines the one that has the names.
        line.kind = 'header'
        AND num_nonnulls(
            line.total_charge, line.amount_allowed, line.paid_by_payer, line.paid_by_patient, line.paid_patient_copay,
            line.paid_patient_coinsurance, line.paid_patient_deductible, line.paid_by_primary
        ) = 0 AS says_nothing,
        line.revenue_codings,
        line.drg_codings,
        line.known_at
    FROM {{ source('bronze', 'claim_line') }} AS line
    LEFT JOIN {{ ref('person_crosswalk') }} AS crosswalk ON line.person_key = crosswalk.person_key
    LEFT JOIN {{ ref('int_reference_alias') }} AS claim_alias ON line.claim_key = claim_alias.alias_key
    LEFT JOIN {{ ref('int_reference_alias') }} AS coverage_alias ON line.coverage_key = coverage_alias.alias_key
    LEFT JOIN {{ ref('int_visit') }} AS top ON line.visit_occurrence_key = top.visit_key
    LEFT JOIN {{ ref('int_reference_alias') }} AS encounter_alias
        ON line.visit_occurrence_key = encounter_alias.alias_key
    LEFT JOIN {{ ref('int_visit_occurrence') }} AS visit
        ON top.visit_occurrence_id = visit.visit_occurrence_id AND crosswalk.person_id = visit.person_id
),

-- An answer may leave it to the claim's item to name what it is about.
claimed AS (
    SELECT
        claim_key,
        person_id,
        item_sequence,
        min(event_key) AS event_key
    FROM line
    WHERE NOT is_adjudicated AND kind = 'item' AND event_key IS NOT NULL
    GROUP BY claim_key, person_id, item_sequence
),

first_answer AS (
    SELECT DISTINCT ON (claim_key, person_id)
        claim_key,
        person_id,
        resource_key
    FROM line
    WHERE is_adjudicated AND claim_key IS NOT NULL AND NOT says_nothing
    ORDER BY claim_key ASC, person_id ASC, known_at ASC NULLS LAST, resource_key ASC
),

judged AS (
    SELECT
        line.*,
        coalesce(line.event_key, claimed.event_key) AS named_key,
        CASE
            WHEN answer.resource_key IS NULL OR answer.resource_key = line.resource_key THEN 'speaks'
            WHEN line.is_adjudicated THEN 'later answer'
            ELSE 'answered'
        END AS standing
    FROM line
    LEFT JOIN first_answer AS answer ON line.claim_key = answer.claim_key AND line.person_id = answer.person_id
    LEFT JOIN claimed
        ON
            line.claim_key = claimed.claim_key
            AND line.person_id = claimed.person_id
            AND CASE WHEN line.is_adjudicated THEN line.item_sequence END = claimed.item_sequence
),

settled AS (
    SELECT
        judged.*,
        CASE WHEN judged.standing = 'speaks' THEN judged.total_charge END AS own_charge,
        judged.visit_occurrence_id IS NULL AND named.resource_key IS NULL AS is_the_only_word
    FROM judged
    LEFT JOIN {{ source('bronze', 'resource') }} AS named
        ON
            -- Of lines that a visit tells nothing needs to be looked up.
            CASE WHEN judged.visit_occurrence_id IS NULL THEN judged.named_key END = named.resource_key
            AND named.outcome = 'loaded'
),

told AS (
    SELECT
        settled.*,
        settled.standing = 'speaks'
        AND settled.is_the_only_word
        AND settled.codings <> '[]'
        AND settled.person_id IS NOT NULL
        AND settled.start_date IS NOT NULL AS is_clinical,
        settled.standing <> 'answered'
        AND settled.person_id IS NOT NULL
        AND num_nonnulls(
            settled.own_charge, settled.amount_allowed, settled.paid_by_payer, settled.paid_by_patient,
            settled.paid_patient_copay, settled.paid_patient_coinsurance, settled.paid_patient_deductible,
            settled.paid_by_primary
        ) > 0 AS has_money
    FROM settled
)

SELECT
    claim_line_key,
    resource_key,
    source_system,
    person_key,
    person_id,
    kind,
    line_number,
    claim_type,
    claim_key,
    coverage_key,
    visit_occurrence_id,
    encounter_key,
    visit_occurrence_key,
    provider_key,
    named_key AS event_key,
    named_keys,
    -- Of the others they lead to no row, and most lines are others.
    CASE WHEN is_clinical THEN codings END AS codings,
    CASE WHEN is_clinical THEN code_text END AS code_text,
    start_date,
    end_date,
    currency,
    own_charge AS total_charge,
    amount_allowed,
    paid_by_payer,
    paid_by_patient,
    paid_patient_copay,
    paid_patient_coinsurance,
    paid_patient_deductible,
    paid_by_primary,
    revenue_codings,
    drg_codings,
    known_at,
    is_clinical,
    has_money,
    CASE
        WHEN person_id IS NULL THEN 'no_person'
        WHEN standing <> 'speaks' THEN 'answered_by_payer'
        WHEN is_the_only_word AND codings = '[]' THEN 'no_code'
        WHEN is_the_only_word AND start_date IS NULL THEN 'no_date'
        ELSE 'told_by_visit'
    END AS reason_without_row
FROM told
