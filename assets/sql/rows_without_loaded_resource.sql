-- Rows of one bronze table that no loaded resource owns: a merge that was not whole leaves such rows.
SELECT count(*)
FROM bronze.{table} AS row_of
WHERE NOT EXISTS (
    SELECT FROM bronze.resource AS owner
    WHERE owner.resource_key = row_of.resource_key AND owner.outcome = 'loaded'
)
