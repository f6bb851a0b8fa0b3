-- Of each person every lookup in the vocabulary that found no standard concept, so that no 0 is silent: of what
-- happened, of its values, units, routes and reasons, and of specimens, notes, coverages, costs, providers and care
-- sites.
WITH
looked_up AS (
    SELECT
        event.bronze_table,
        event.cdm_table,
        event.person_id,
        event.codings
    FROM {{ ref('int_event') }} AS event
    -- What has no standard concept is 0 there: of the rest no code needs to be looked up again.
    WHERE event.concept_id = 0
    UNION ALL
    SELECT
        source.bronze_table,
        source.cdm_table,
        source.person_id,
        source.value_codings AS codings
    FROM {{ ref('event_source') }} AS source
    WHERE source.value_codings IS NOT NULL
    UNION ALL
    SELECT
        source.bronze_table,
        source.cdm_table,
        source.person_id,
        source.codings
    FROM {{ ref('event_source') }} AS source
    WHERE source.bronze_table = 'note' AND source.codings IS NOT NULL
    UNION ALL
    SELECT
        source.bronze_table,
        source.cdm_table,
        source.person_id,
        said.reason_codings AS codings
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ source('bronze', 'observation') }} AS said
        ON source.bronze_table = 'observation' AND source.bronze_key = said.observation_key
    WHERE said.reason_codings IS NOT NULL
    UNION ALL
    SELECT
        source.bronze_table,
        source.cdm_table,
        source.person_id,
        given.route_codings AS codings
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ source('bronze', 'drug_exposure') }} AS given
        ON source.bronze_table = 'drug_exposure' AND source.bronze_key = given.drug_exposure_key
    INNER JOIN {{ ref('drug_exposure') }} AS drug
        ON source.cdm_table = 'drug_exposure' AND source.cdm_id = drug.drug_exposure_id
    WHERE given.route_codings IS NOT NULL AND drug.route_concept_id = 0
    UNION ALL
    SELECT
        'payer_plan_period' AS bronze_table,
        'payer_plan_period' AS cdm_table,
        person_id,
        type_codings AS codings
    FROM {{ ref('int_payer_plan_period') }}
    UNION ALL
    SELECT
        'claim_line' AS bronze_table,
        'cost' AS cdm_table,
        cost.person_id,
        named.codings
    FROM {{ ref('int_cost') }} AS cost
    CROSS JOIN LATERAL (VALUES (cost.revenue_codings), (cost.drg_codings)) AS named (codings)
    WHERE cost.cost_event_id IS NOT NULL AND named.codings IS NOT NULL
    UNION ALL
    SELECT
        'specimen' AS bronze_table,
        'specimen' AS cdm_table,
        taken.person_id,
        unnest(ARRAY[specimen.codings, specimen.body_site_codings]) AS codings
    FROM {{ ref('specimen') }} AS taken
    INNER JOIN {{ source('bronze', 'specimen') }} AS specimen ON taken.specimen_id = specimen.specimen_key
    UNION ALL
    SELECT
        'provider' AS bronze_table,
        'provider' AS cdm_table,
        NULL::bigint AS person_id,
        specialty_codings AS codings
    FROM {{ source('bronze', 'provider') }}
    UNION ALL
    SELECT
        'provider_role' AS bronze_table,
        'provider' AS cdm_table,
        NULL::bigint AS person_id,
        specialty_codings AS codings
    FROM {{ source('bronze', 'provider_role') }}
    UNION ALL
    SELECT
        'care_site' AS bronze_table,
        'care_site' AS cdm_table,
        NULL::bigint AS person_id,
        place_of_service_codings AS codings
    FROM {{ source('bronze', 'care_site') }}
),

missed AS (
    SELECT
        looked_up.bronze_table,
        looked_up.cdm_table,
        looked_up.person_id,
        coalesce(code.source_system_uri, '') AS system,
        coalesce(code.source_code, '') AS code,
        code.source_concept_id
    FROM looked_up
    INNER JOIN {{ ref('int_code') }} AS code ON looked_up.codings = code.codings
    WHERE NOT code.is_mapped
    UNION ALL
    SELECT
        source.bronze_table,
        source.cdm_table,
        source.person_id,
        'http://unitsofmeasure.org' AS system,
        unit.unit AS code,
        unit.unit_source_concept_id AS source_concept_id
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ ref('int_unit') }} AS unit ON coalesce(source.unit_code, source.unit_source_value) = unit.unit
    WHERE unit.unit_concept_id = 0
    UNION ALL
    SELECT
        'specimen' AS bronze_table,
        'specimen' AS cdm_table,
        taken.person_id,
        'http://unitsofmeasure.org' AS system,
        taken.unit_source_value AS code,
        0 AS source_concept_id
    FROM {{ ref('specimen') }} AS taken
    WHERE taken.unit_concept_id = 0
)

SELECT
    bronze_table,
    system,
    code,
    cdm_table,
    max(source_concept_id) AS source_concept_id,
    person_id,
    count(*) AS rows
FROM missed
GROUP BY bronze_table, system, code, cdm_table, person_id
