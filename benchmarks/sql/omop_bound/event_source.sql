SELECT
    event.bronze_table AS cdm_table,
    event.bronze_key AS cdm_id,
    event.person_key,
    event.visit_occurrence_key,
    event.visit_occurrence_key AS encounter_key,
    coalesce(code.concept_id, 0) AS concept_id,
    event.resource_key,
    event.bronze_table,
    event.bronze_key,
    event.source_system,
    event.status,
    event.category,
    event.clinical_status,
    event.verification_status,
    event.intent,
    event.kind,
    event.start_date,
    event.start_datetime,
    event.end_date,
    event.end_datetime,
    event.known_at,
    event.codings,
    TRUE AS has_happened,
    TRUE AS is_record_of_care,
    event.parent_measurement_key,
    event.value_number,
    event.unit_code,
    event.unit_source_value,
    event.value_text,
    event.value_codings,
    event.value_boolean,
    event.has_effective_time,
    event.categories,
    event.reason_codings,
    event.reason_keys,
    event.body_site_codings,
    FALSE AS is_rejected,
    event.onset_start_date,
    event.onset_end_date,
    event.recorded_date,
    event.authored_date,
    event.supply_start_date,
    event.supply_end_date,
    event.total_days_supplied,
    event.days_supply,
    event.refills,
    event.supplied_quantity,
    event.supplied_quantity_unit,
    event.dose_per_day,
    event.dose_unit
FROM (
    SELECT
        'measurement' AS bronze_table, measurement_key AS bronze_key, resource_key, source_system, person_key,
        visit_occurrence_key, status, category, NULL::text AS clinical_status, NULL::text AS verification_status,
        NULL::text AS intent, NULL::text AS kind, measurement_date AS start_date,
        measurement_datetime AS start_datetime, measurement_end_date AS end_date, NULL::timestamp AS end_datetime,
        codings, parent_measurement_key, value_number, unit_code, unit_source_value, value_text, value_codings,
        value_boolean, has_effective_time,
        known_at, categories, NULL::jsonb AS reason_codings, NULL::jsonb AS reason_keys, NULL::jsonb AS
        body_site_codings, NULL::date AS onset_start_date, NULL::date AS onset_end_date, NULL::date AS
        recorded_date, NULL::date AS authored_date, NULL::date AS supply_start_date, NULL::date AS
        supply_end_date, NULL::numeric AS total_days_supplied, NULL::integer AS days_supply, NULL::integer AS
        refills, NULL::numeric AS supplied_quantity, NULL::text AS supplied_quantity_unit, NULL::numeric AS
        dose_per_day, NULL::text AS dose_unit
    FROM bronze.measurement
    UNION ALL
    SELECT
        'condition_occurrence', condition_occurrence_key, resource_key, source_system, person_key,
        visit_occurrence_key, NULL::text, category, clinical_status, verification_status, NULL::text, NULL::text,
        condition_start_date, condition_start_datetime, condition_end_date, condition_end_datetime, codings,
        NULL::bigint, NULL::numeric, NULL::text, NULL::text, NULL::text, NULL::jsonb, NULL::boolean, NULL::boolean,
        known_at, categories, NULL::jsonb, NULL::jsonb, body_site_codings, onset_start_date, onset_end_date,
        recorded_date, NULL::date, NULL::date, NULL::date, NULL::numeric, NULL::integer, NULL::integer,
        NULL::numeric, NULL::text, NULL::numeric, NULL::text
    FROM bronze.condition_occurrence
    UNION ALL
    SELECT
        'drug_exposure', drug_exposure_key, resource_key, source_system, person_key, visit_occurrence_key, status,
        NULL::text, NULL::text, NULL::text, intent, kind, drug_exposure_start_date, drug_exposure_start_datetime,
        drug_exposure_end_date, drug_exposure_end_datetime, codings, NULL::bigint, NULL::numeric, NULL::text,
        NULL::text, NULL::text, NULL::jsonb, NULL::boolean, NULL::boolean,
        known_at, NULL::jsonb, reason_codings, reason_keys, NULL::jsonb, NULL::date, NULL::date, NULL::date,
        authored_date, supply_start_date, supply_end_date, total_days_supplied, days_supply, refills,
        supplied_quantity, supplied_quantity_unit, dose_per_day, dose_unit
    FROM bronze.drug_exposure
    UNION ALL
    SELECT
        'procedure_occurrence', procedure_occurrence_key, resource_key, source_system, person_key,
        visit_occurrence_key, status, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, procedure_date,
        procedure_datetime, procedure_end_date, procedure_end_datetime, codings, NULL::bigint, NULL::numeric,
        NULL::text, NULL::text, NULL::text, NULL::jsonb, NULL::boolean, NULL::boolean,
        known_at, NULL::jsonb, reason_codings, reason_keys, body_site_codings, NULL::date, NULL::date,
        NULL::date, NULL::date, NULL::date, NULL::date, NULL::numeric, NULL::integer, NULL::integer,
        NULL::numeric, NULL::text, NULL::numeric, NULL::text
    FROM bronze.procedure_occurrence
    UNION ALL
    SELECT
        'device_exposure', device_exposure_key, resource_key, source_system, person_key, visit_occurrence_key,
        status, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, device_exposure_start_date,
        device_exposure_start_datetime, device_exposure_end_date, device_exposure_end_datetime, codings,
        NULL::bigint, NULL::numeric, NULL::text, NULL::text, NULL::text, NULL::jsonb, NULL::boolean, NULL::boolean,
        known_at, NULL::jsonb, reason_codings, reason_keys, body_site_codings, NULL::date, NULL::date,
        NULL::date, NULL::date, NULL::date, NULL::date, NULL::numeric, NULL::integer, NULL::integer,
        NULL::numeric, NULL::text, NULL::numeric, NULL::text
    FROM bronze.device_exposure
    UNION ALL
    SELECT
        'observation', observation_key, resource_key, source_system, person_key, visit_occurrence_key, status,
        category, NULL::text, NULL::text, intent, kind, observation_date, observation_datetime, NULL::date,
        NULL::timestamp, codings, NULL::bigint, NULL::numeric, NULL::text, NULL::text, NULL::text, NULL::jsonb,
        NULL::boolean, NULL::boolean,
        known_at, categories, reason_codings, reason_keys, body_site_codings, NULL::date, NULL::date,
        NULL::date, NULL::date, NULL::date, NULL::date, NULL::numeric, NULL::integer, NULL::integer,
        NULL::numeric, NULL::text, NULL::numeric, NULL::text
    FROM bronze.observation
    UNION ALL
    SELECT
        'visit_occurrence', visit_occurrence_key, resource_key, source_system, person_key, visit_occurrence_key,
        status, NULL::text, NULL::text, NULL::text, NULL::text, class_code, visit_start_date, visit_start_datetime,
        visit_end_date, visit_end_datetime, type_codings, NULL::bigint, NULL::numeric, NULL::text, NULL::text,
        NULL::text, NULL::jsonb, NULL::boolean, NULL::boolean,
        known_at, NULL::jsonb, reason_codings, reason_keys, NULL::jsonb, NULL::date, NULL::date, NULL::date,
        NULL::date, NULL::date, NULL::date, NULL::numeric, NULL::integer, NULL::integer, NULL::numeric,
        NULL::text, NULL::numeric, NULL::text
    FROM bronze.visit_occurrence
    UNION ALL
    SELECT
        'note', note_key, resource_key, source_system, person_key, visit_occurrence_key, NULL::text, NULL::text,
        NULL::text, NULL::text, NULL::text, NULL::text, note_date, note_datetime, NULL::date, NULL::timestamp,
        type_codings, NULL::bigint, NULL::numeric, NULL::text, NULL::text, NULL::text, NULL::jsonb, NULL::boolean, NULL::boolean,
        known_at, NULL::jsonb, NULL::jsonb, NULL::jsonb, NULL::jsonb, NULL::date, NULL::date, NULL::date,
        NULL::date, NULL::date, NULL::date, NULL::numeric, NULL::integer, NULL::integer, NULL::numeric,
        NULL::text, NULL::numeric, NULL::text
    FROM bronze.note
) AS event
LEFT JOIN omop_intermediate.int_code AS code
    ON
        event.codings = code.codings
        AND (code.target_number = 1 OR event.bronze_table NOT IN ('observation', 'visit_occurrence', 'note'))
