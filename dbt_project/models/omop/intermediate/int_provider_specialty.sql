-- A practitioner's specialty is that of a role, one in force before one that is over; without a role with a specialty
-- the qualification stands for it.
WITH
practised AS (
    SELECT DISTINCT ON (provider_key)
        provider_key,
        specialty_codings
    FROM {{ ref('int_provider_role') }}
    WHERE specialty_codings IS NOT NULL
    ORDER BY
        {{ role_in_force_first() }}
)

SELECT
    provider.provider_key,
    coalesce(practised.specialty_codings, provider.specialty_codings) AS specialty_codings
FROM {{ source('bronze', 'provider') }} AS provider
LEFT JOIN practised ON provider.provider_key = practised.provider_key
