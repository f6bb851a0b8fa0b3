SELECT DISTINCT ON (alias_key)
    alias_key,
    resource_key
FROM {{ source('bronze', 'reference_alias') }}
ORDER BY alias_key ASC, known_at DESC NULLS LAST, resource_key ASC
