-- Of some source persons, rows of one bronze table whose resource is not loaded: a merge that was not whole leaves such.
SELECT count(*)
FROM bronze.resource AS owner
INNER JOIN bronze.{table} AS row_of ON owner.resource_key = row_of.resource_key
WHERE owner.person_key = ANY(%(person_keys)s) AND owner.outcome <> 'loaded'
