DELETE FROM {table}
WHERE resource_key IN (
    SELECT unnest(%(resource_keys)s::bigint [])
    UNION ALL
    SELECT resource_key FROM bronze.resource
    WHERE person_key = ANY(%(person_keys)s)
)
