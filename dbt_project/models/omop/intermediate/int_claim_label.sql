-- A claim and the payers' answers to it are one: each carries the labels of all that any of them names, whichever line
-- names it. A diagnosis names no encounter of its own, and would tell what a labelled one was about.
WITH
claim AS (
    SELECT
        coalesce(claim_key, resource_key) AS whole_key,
        resource_key,
        named_keys
    FROM {{ ref('int_claim_line') }}
    -- The first line of each has the keys of them all.
    WHERE line_number = 0
),

-- Also of coverages that make no period; and those that do, as they were when these were read.
coverage AS (
    SELECT
        period.payer_plan_period_key,
        coalesce(alias.resource_key, period.care_site_key) AS care_site_key
    FROM {{ source('bronze', 'payer_plan_period') }} AS period
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON period.care_site_key = alias.alias_key
    UNION
    SELECT
        payer_plan_period_key,
        care_site_key
    FROM {{ ref('int_payer_plan_period') }}
),

named_label AS (
    SELECT
        resource_key AS named_key,
        code
    FROM {{ ref('int_resource_label') }}
    UNION
    SELECT
        care_site_key AS named_key,
        code
    FROM {{ ref('int_care_site_label') }}
    UNION
    SELECT
        encounter_key AS named_key,
        code
    FROM {{ ref('int_encounter_label') }}
    UNION
    SELECT
        event.bronze_key AS named_key,
        label.code
    FROM {{ ref('int_encounter_label') }} AS label
    INNER JOIN {{ ref('int_event') }} AS event ON label.encounter_key = event.encounter_key
    UNION
    -- A prescription has the labels of its medication, a use those of its device.
    SELECT
        named.resource_key AS named_key,
        label.code
    FROM {{ ref('int_named_resource') }} AS named
    INNER JOIN {{ ref('int_resource_label') }} AS label ON named.named_key = label.resource_key
    UNION
    SELECT
        coverage.payer_plan_period_key AS named_key,
        label.code
    FROM {{ ref('int_care_site_label') }} AS label
    INNER JOIN coverage ON label.care_site_key = coverage.care_site_key
),

named AS (
    -- A Claim that makes no lines has its labels all the same.
    SELECT
        whole_key,
        whole_key AS named_key
    FROM claim
    UNION ALL
    SELECT
        whole_key,
        resource_key AS named_key
    FROM claim
    UNION ALL
    SELECT
        claim.whole_key,
        key.element::bigint AS named_key
    FROM claim
    CROSS JOIN LATERAL jsonb_array_elements_text(claim.named_keys) AS key (element)
),

whole_label AS (
    SELECT DISTINCT
        named.whole_key,
        label.code
    FROM named
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON named.named_key = alias.alias_key
    INNER JOIN named_label AS label ON coalesce(alias.resource_key, named.named_key) = label.named_key
)

SELECT
    claim.resource_key,
    whole_label.code
FROM claim
INNER JOIN whole_label ON claim.whole_key = whole_label.whole_key
