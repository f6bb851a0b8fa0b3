-- One row per source record and standard concept it maps to, with the domain that decides its CDM table.
SELECT
    CASE
        WHEN coalesce(code.target_number, 1) = 1 THEN event.bronze_key
        ELSE {{ hashed_key(["event.bronze_key::text", "code.concept_id::text"]) }}
    END AS event_id,
    event.bronze_table,
    event.bronze_key,
    event.resource_key,
    event.source_system,
    crosswalk.person_id,
    visit.visit_occurrence_id,
    -- One that makes no visit still has labels.
    coalesce(top.encounter_key, encounter_alias.resource_key, event.visit_occurrence_key) AS encounter_key,
    provider.provider_id,
    event.codings,
    event.category,
    event.status,
    event.clinical_status,
    event.verification_status,
    event.intent,
    event.kind,
    CASE WHEN event.kind = 'claim' THEN coalesce(claim_type.target_concept_id, 32810) END AS claim_type_concept_id,
    coalesce(event.start_date, visit.visit_start_date) AS start_date,
    CASE WHEN event.start_date IS NULL THEN visit.visit_start_datetime ELSE event.start_datetime END AS start_datetime,
    event.end_date,
    event.end_datetime,
    event.categories,
    event.reason_codings,
    event.reason_keys,
    event.body_site_codings,
    event.rejecting_keys IS NOT NULL AS is_rejected,
    event.known_at,
    coalesce(code.concept_id, 0) AS concept_id,
    coalesce(code.source_concept_id, 0) AS source_concept_id,
    left(coalesce(code.source_code, event.code_text), 50) AS source_value,
    code.value_as_concept_id,
    CASE coalesce(event.fixed_domain_id, code.domain_id, event.default_domain_id)
        WHEN 'Condition' THEN 'condition_occurrence'
        WHEN 'Drug' THEN 'drug_exposure'
        WHEN 'Procedure' THEN 'procedure_occurrence'
        WHEN 'Measurement' THEN 'measurement'
        WHEN 'Device' THEN 'device_exposure'
        ELSE 'observation'
    END AS cdm_table,
    -- An order, a goal, what was refuted, and that something was not done, is no occurrence of what it names.
    (event.bronze_table <> 'observation' OR event.kind IN ('allergy', 'diagnostic-report', 'adverse-event'))
    AND coalesce(event.verification_status, '') <> 'refuted' AS has_happened,
    event.bronze_table <> 'claim_line' AS is_record_of_care
FROM {{ ref('int_bronze_event') }} AS event
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON event.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_visit') }} AS top ON event.visit_occurrence_key = top.visit_key
LEFT JOIN {{ ref('int_reference_alias') }} AS encounter_alias ON event.visit_occurrence_key = encounter_alias.alias_key
LEFT JOIN {{ ref('int_visit_occurrence') }} AS visit
    ON top.visit_occurrence_id = visit.visit_occurrence_id AND crosswalk.person_id = visit.person_id
LEFT JOIN {{ ref('int_provider_reference') }} AS provider_named ON event.provider_key = provider_named.reference_key
LEFT JOIN {{ ref('provider') }} AS provider
    ON coalesce(provider_named.provider_key, event.provider_key) = provider.provider_id
LEFT JOIN {{ ref('source_to_concept_map') }} AS claim_type
    ON
        event.kind = 'claim'
        AND claim_type.source_vocabulary_id = 'claim-type'
        AND event.category = claim_type.source_code
-- An allergy is one observation, whatever its substance maps to, and so is an order or what was not done.
LEFT JOIN {{ ref('int_code') }} AS code
    ON
        event.codings = code.codings
        AND (code.target_number = 1 OR event.bronze_table <> 'observation' OR event.kind = 'diagnostic-report')
WHERE coalesce(event.start_date, visit.visit_start_date) IS NOT NULL
