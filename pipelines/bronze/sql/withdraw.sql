DELETE FROM {table}
WHERE resource_key IN (SELECT resource_key FROM bronze.resource WHERE person_key = ANY(%(person_keys)s))
