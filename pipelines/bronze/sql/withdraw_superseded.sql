DELETE FROM bronze.superseded_row
WHERE
    person_key = ANY(%(person_keys)s)
    OR resource_key = ANY(%(resource_keys)s)
    OR resource_key IN (SELECT resource_key FROM bronze.resource WHERE person_key = ANY(%(person_keys)s))
