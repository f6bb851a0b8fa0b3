SELECT
    event.event_id AS drug_exposure_id,
    event.person_id,
    event.concept_id AS drug_concept_id,
    event.start_date AS drug_exposure_start_date,
    event.start_datetime AS drug_exposure_start_datetime,
    greatest(
        event.start_date,
        coalesce(event.end_date, event.start_date + drug.days_supply - 1, event.start_date)
    ) AS drug_exposure_end_date,
    event.end_datetime AS drug_exposure_end_datetime,
    -- Of an order or a supply the end is counted out, and a vaccination has none.
    CASE
        WHEN event.intent IS NULL AND event.kind IN ('administration', 'statement', 'medication-list', 'claim')
            THEN event.end_date
    END AS verbatim_end_date,
    CASE
        WHEN event.claim_type_concept_id IS NOT NULL THEN event.claim_type_concept_id
        -- That somebody says it was given is no record of giving it.
        WHEN event.kind = 'immunization' AND NOT drug.primary_source THEN 32817
        ELSE coalesce(type_map.target_concept_id, 32817)
    END AS drug_type_concept_id,
    NULL::text AS stop_reason,
    drug.refills,
    drug.quantity,
    drug.days_supply,
    drug.sig,
    coalesce(nullif(route.concept_id, 0), route_map.target_concept_id, 0) AS route_concept_id,
    left(drug.lot_number, 50) AS lot_number,
    event.provider_id,
    event.visit_occurrence_id,
    NULL::bigint AS visit_detail_id,
    event.source_value AS drug_source_value,
    event.source_concept_id AS drug_source_concept_id,
    left(route.source_code, 50) AS route_source_value,
    left(drug.dose_unit_source_value, 50) AS dose_unit_source_value
FROM {{ ref('int_event') }} AS event
LEFT JOIN {{ source('bronze', 'drug_exposure') }} AS drug
    ON event.bronze_table = 'drug_exposure' AND event.bronze_key = drug.drug_exposure_key
LEFT JOIN {{ ref('int_code') }} AS route ON drug.route_codings = route.codings AND route.target_number = 1
LEFT JOIN {{ ref('source_to_concept_map') }} AS route_map
    ON
        route_map.source_vocabulary_id = 'v3-RouteOfAdministration'
        AND route.source_system_uri = 'http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration'
        AND route.source_code = route_map.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS type_map
    ON type_map.source_vocabulary_id = 'drug-kind' AND event.kind = type_map.source_code
WHERE event.cdm_table = 'drug_exposure'
