-- A practitioner's place is that of a role, one in force before one that is over.
WITH
placed AS (
    SELECT DISTINCT ON (provider_key)
        provider_key,
        care_site_key
    FROM {{ ref('int_provider_role') }}
    WHERE care_site_key IS NOT NULL
    ORDER BY
        {{ role_in_force_first() }}
)

SELECT
    provider.provider_key AS provider_id,
    NULL::text AS provider_name,
    CASE WHEN length(provider.npi) <= 20 THEN provider.npi END AS npi,
    NULL::text AS dea,
    coalesce(specialty.concept_id, 0) AS specialty_concept_id,
    care_site.care_site_id,
    provider.year_of_birth,
    coalesce(gender.target_concept_id, 0) AS gender_concept_id,
    provider.provider_key::text AS provider_source_value,
    left(specialty.source_code, 50) AS specialty_source_value,
    coalesce(specialty.source_concept_id, 0) AS specialty_source_concept_id,
    left(provider.gender_source_value, 50) AS gender_source_value,
    0 AS gender_source_concept_id
FROM {{ source('bronze', 'provider') }} AS provider
INNER JOIN {{ ref('int_provider_specialty') }} AS practised ON provider.provider_key = practised.provider_key
LEFT JOIN placed ON provider.provider_key = placed.provider_key
LEFT JOIN {{ ref('int_code') }} AS specialty
    ON practised.specialty_codings = specialty.codings AND specialty.target_number = 1
LEFT JOIN {{ ref('int_reference_alias') }} AS alias
    ON coalesce(placed.care_site_key, provider.care_site_key) = alias.alias_key
LEFT JOIN {{ ref('care_site') }} AS care_site
    ON coalesce(alias.resource_key, placed.care_site_key, provider.care_site_key) = care_site.care_site_id
LEFT JOIN {{ ref('source_to_concept_map') }} AS gender
    ON gender.source_vocabulary_id = 'administrative-gender' AND provider.gender_source_value = gender.source_code
