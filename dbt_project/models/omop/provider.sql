SELECT
    provider.provider_key AS provider_id,
    NULL::text AS provider_name,
    provider.npi,
    NULL::text AS dea,
    coalesce(specialty.concept_id, 0) AS specialty_concept_id,
    care_site.care_site_id,
    provider.year_of_birth,
    coalesce(gender.target_concept_id, 0) AS gender_concept_id,
    provider.provider_key::text AS provider_source_value,
    specialty.source_code AS specialty_source_value,
    coalesce(specialty.source_concept_id, 0) AS specialty_source_concept_id,
    provider.gender_source_value,
    0 AS gender_source_concept_id
FROM {{ source('bronze', 'provider') }} AS provider
LEFT JOIN {{ ref('int_code') }} AS specialty
    ON provider.specialty_codings = specialty.codings AND specialty.target_number = 1
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON provider.care_site_key = alias.alias_key
LEFT JOIN {{ ref('care_site') }} AS care_site
    ON coalesce(alias.resource_key, provider.care_site_key) = care_site.care_site_id
LEFT JOIN {{ ref('source_to_concept_map') }} AS gender
    ON gender.source_vocabulary_id = 'administrative-gender' AND provider.gender_source_value = gender.source_code
