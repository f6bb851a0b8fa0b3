-- Roles with the practitioner that their reference leads to.
SELECT
    role.provider_role_key,
    coalesce(alias.resource_key, role.provider_key) AS provider_key,
    role.care_site_key,
    role.specialty_codings,
    role.is_active,
    role.start_date,
    role.end_date
FROM {{ source('bronze', 'provider_role') }} AS role
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON role.provider_key = alias.alias_key
