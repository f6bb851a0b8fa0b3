-- What is the key of a provider is no alias of another's role that happens to have the same id.
SELECT DISTINCT ON (alias.alias_key)
    alias.alias_key,
    alias.resource_key
FROM {{ source('bronze', 'reference_alias') }} AS alias
LEFT JOIN {{ source('bronze', 'provider') }} AS provider ON alias.alias_key = provider.provider_key
WHERE provider.provider_key IS NULL
ORDER BY alias.alias_key ASC, alias.known_at DESC NULLS LAST, alias.resource_key ASC
