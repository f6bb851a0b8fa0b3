-- Which provider a reference leads to that is not the provider's own key: a role, or an alias of either.
WITH
reference AS (
    SELECT
        alias.alias_key AS reference_key,
        coalesce(role.provider_key, alias.resource_key) AS provider_key
    FROM {{ ref('int_reference_alias') }} AS alias
    LEFT JOIN {{ ref('int_provider_role') }} AS role ON alias.resource_key = role.provider_role_key
    UNION
    SELECT
        provider_role_key AS reference_key,
        provider_key
    FROM {{ ref('int_provider_role') }}
)

SELECT
    reference.reference_key,
    reference.provider_key
FROM reference
INNER JOIN {{ source('bronze', 'provider') }} AS provider ON reference.provider_key = provider.provider_key
