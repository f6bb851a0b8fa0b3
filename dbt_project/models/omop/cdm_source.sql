SELECT
    'Sanctum' AS cdm_source_name,
    'Sanctum' AS cdm_source_abbreviation,
    'Sanctum' AS cdm_holder,
    'FHIR R4 and HL7 v2 as landed; see landing.file' AS source_description,
    NULL::text AS source_documentation_reference,
    NULL::text AS cdm_etl_reference,
    coalesce(
        (SELECT max(received_at)::date FROM {{ source('landing', 'file') }}),
        {{ as_of() }}
    ) AS source_release_date,
    greatest({{ as_of() }}, (SELECT max(received_at)::date FROM {{ source('landing', 'file') }})) AS cdm_release_date,
    '5.4' AS cdm_version,
    756265 AS cdm_version_concept_id,
    coalesce(
        (SELECT 'release ' || max(release_id) FROM {{ source('vocab', 'release') }}),
        'none'
    ) AS vocabulary_version
