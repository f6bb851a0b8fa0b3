-- The clinical rows of bronze in one shape; what only one kind has stays there and is joined back by key.
WITH
-- Tasks that say of an order or a prescription that nobody fulfils it.
rejection AS (
    SELECT
        request_key,
        jsonb_agg(resource_key ORDER BY resource_key) AS resource_keys
    FROM {{ source('bronze', 'rejected_request') }}
    GROUP BY request_key
)

SELECT
    'condition_occurrence' AS bronze_table,
    condition_occurrence_key AS bronze_key,
    resource_key,
    source_system,
    person_key,
    visit_occurrence_key,
    provider_key,
    codings,
    code_text,
    NULL::bigint AS named_key,
    category,
    NULL::text AS status,
    clinical_status,
    verification_status,
    NULL::text AS intent,
    NULL::text AS kind,
    condition_start_date AS start_date,
    condition_start_datetime AS start_datetime,
    condition_end_date AS end_date,
    condition_end_datetime AS end_datetime,
    coalesce(categories, CASE WHEN category IS NOT NULL THEN jsonb_build_array(category) END) AS categories,
    NULL::jsonb AS reason_codings,
    NULL::jsonb AS reason_keys,
    body_site_codings,
    NULL::jsonb AS rejecting_keys,
    known_at,
    CASE
        WHEN verification_status IN ('unconfirmed', 'provisional', 'differential', 'refuted') THEN 'Observation'
    END AS fixed_domain_id,
    'Condition' AS default_domain_id
FROM {{ source('bronze', 'condition_occurrence') }}
UNION ALL
SELECT
    'drug_exposure' AS bronze_table,
    drug.drug_exposure_key AS bronze_key,
    drug.resource_key,
    drug.source_system,
    drug.person_key,
    drug.visit_occurrence_key,
    drug.provider_key,
    -- What a record names by reference has its codings there.
    CASE WHEN drug.codings = '[]' THEN coalesce(medication.codings, '[]') ELSE drug.codings END AS codings,
    coalesce(drug.code_text, medication.code_text) AS code_text,
    coalesce(alias.resource_key, drug.medication_key) AS named_key,
    NULL AS category,
    drug.status,
    NULL AS clinical_status,
    NULL AS verification_status,
    drug.intent,
    drug.kind,
    drug.drug_exposure_start_date AS start_date,
    drug.drug_exposure_start_datetime AS start_datetime,
    drug.drug_exposure_end_date AS end_date,
    drug.drug_exposure_end_datetime AS end_datetime,
    NULL AS categories,
    drug.reason_codings,
    drug.reason_keys,
    NULL AS body_site_codings,
    rejection.resource_keys AS rejecting_keys,
    drug.known_at,
    NULL AS fixed_domain_id,
    'Drug' AS default_domain_id
FROM {{ source('bronze', 'drug_exposure') }} AS drug
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON drug.medication_key = alias.alias_key
LEFT JOIN {{ source('bronze', 'medication') }} AS medication
    ON coalesce(alias.resource_key, drug.medication_key) = medication.medication_key
LEFT JOIN rejection ON drug.resource_key = rejection.request_key
UNION ALL
SELECT
    'procedure_occurrence' AS bronze_table,
    procedure_occurrence_key AS bronze_key,
    resource_key,
    source_system,
    person_key,
    visit_occurrence_key,
    provider_key,
    codings,
    code_text,
    NULL AS named_key,
    NULL AS category,
    status,
    NULL AS clinical_status,
    NULL AS verification_status,
    NULL AS intent,
    NULL AS kind,
    procedure_date AS start_date,
    procedure_datetime AS start_datetime,
    procedure_end_date AS end_date,
    procedure_end_datetime AS end_datetime,
    NULL AS categories,
    reason_codings,
    reason_keys,
    body_site_codings,
    NULL AS rejecting_keys,
    known_at,
    NULL AS fixed_domain_id,
    'Procedure' AS default_domain_id
FROM {{ source('bronze', 'procedure_occurrence') }}
UNION ALL
SELECT
    'measurement' AS bronze_table,
    measurement_key AS bronze_key,
    resource_key,
    source_system,
    person_key,
    visit_occurrence_key,
    provider_key,
    codings,
    code_text,
    NULL AS named_key,
    category,
    status,
    NULL AS clinical_status,
    NULL AS verification_status,
    NULL AS intent,
    NULL AS kind,
    measurement_date AS start_date,
    measurement_datetime AS start_datetime,
    measurement_end_date AS end_date,
    NULL AS end_datetime,
    coalesce(categories, CASE WHEN category IS NOT NULL THEN jsonb_build_array(category) END) AS categories,
    NULL AS reason_codings,
    NULL AS reason_keys,
    NULL AS body_site_codings,
    NULL AS rejecting_keys,
    known_at,
    NULL AS fixed_domain_id,
    CASE
        WHEN value_number IS NOT NULL OR category IN ('laboratory', 'vital-signs', 'LAB') THEN 'Measurement'
        ELSE 'Observation'
    END AS default_domain_id
FROM {{ source('bronze', 'measurement') }}
UNION ALL
SELECT
    'observation' AS bronze_table,
    observed.observation_key AS bronze_key,
    observed.resource_key,
    observed.source_system,
    observed.person_key,
    observed.visit_occurrence_key,
    observed.provider_key,
    CASE WHEN observed.codings = '[]' THEN coalesce(medication.codings, '[]') ELSE observed.codings END AS codings,
    coalesce(observed.code_text, medication.code_text) AS code_text,
    coalesce(alias.resource_key, observed.medication_key) AS named_key,
    observed.category,
    observed.status,
    NULL AS clinical_status,
    NULL AS verification_status,
    observed.intent,
    observed.kind,
    observed.observation_date AS start_date,
    observed.observation_datetime AS start_datetime,
    observed.observation_end_date AS end_date,
    observed.observation_end_datetime AS end_datetime,
    coalesce(
        observed.categories,
        CASE WHEN observed.category IS NOT NULL THEN jsonb_build_array(observed.category) END
    ) AS categories,
    observed.reason_codings,
    observed.reason_keys,
    observed.body_site_codings,
    rejection.resource_keys AS rejecting_keys,
    observed.known_at,
    -- What is said about a thing is no such thing.
    CASE WHEN observed.kind <> 'diagnostic-report' THEN 'Observation' END AS fixed_domain_id,
    'Observation' AS default_domain_id
FROM {{ source('bronze', 'observation') }} AS observed
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON observed.medication_key = alias.alias_key
LEFT JOIN {{ source('bronze', 'medication') }} AS medication
    ON coalesce(alias.resource_key, observed.medication_key) = medication.medication_key
LEFT JOIN rejection ON observed.resource_key = rejection.request_key
UNION ALL
SELECT
    'device_exposure' AS bronze_table,
    used.device_exposure_key AS bronze_key,
    used.resource_key,
    used.source_system,
    used.person_key,
    used.visit_occurrence_key,
    used.provider_key,
    CASE WHEN used.codings = '[]' THEN coalesce(device.codings, '[]') ELSE used.codings END AS codings,
    coalesce(used.code_text, device.code_text) AS code_text,
    coalesce(alias.resource_key, used.device_key) AS named_key,
    NULL AS category,
    used.status,
    NULL AS clinical_status,
    NULL AS verification_status,
    NULL AS intent,
    NULL AS kind,
    used.device_exposure_start_date AS start_date,
    used.device_exposure_start_datetime AS start_datetime,
    used.device_exposure_end_date AS end_date,
    used.device_exposure_end_datetime AS end_datetime,
    NULL AS categories,
    used.reason_codings,
    used.reason_keys,
    used.body_site_codings,
    NULL AS rejecting_keys,
    used.known_at,
    NULL AS fixed_domain_id,
    'Device' AS default_domain_id
FROM {{ source('bronze', 'device_exposure') }} AS used
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON used.device_key = alias.alias_key
LEFT JOIN {{ source('bronze', 'device') }} AS device
    ON coalesce(alias.resource_key, used.device_key) = device.device_key
UNION ALL
SELECT
    'claim_line' AS bronze_table,
    claim_line_key AS bronze_key,
    resource_key,
    source_system,
    person_key,
    visit_occurrence_key,
    provider_key,
    codings,
    code_text,
    NULL AS named_key,
    -- Header or line of which type of claim: a diagnosis is the header's.
    claim_type || CASE kind WHEN 'diagnosis' THEN ':header' ELSE ':detail' END AS category,
    NULL AS status,
    NULL AS clinical_status,
    NULL AS verification_status,
    NULL AS intent,
    'claim' AS kind,
    start_date,
    NULL AS start_datetime,
    end_date,
    NULL AS end_datetime,
    NULL AS categories,
    NULL AS reason_codings,
    NULL AS reason_keys,
    NULL AS body_site_codings,
    NULL AS rejecting_keys,
    known_at,
    NULL AS fixed_domain_id,
    CASE
        WHEN kind = 'diagnosis' THEN 'Condition'
        WHEN claim_type = 'pharmacy' THEN 'Drug'
        ELSE 'Procedure'
    END AS default_domain_id
FROM {{ ref('int_claim_line') }}
WHERE is_clinical
