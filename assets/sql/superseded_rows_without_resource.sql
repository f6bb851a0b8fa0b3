-- Rows that were replaced, of a resource that bronze has no account of.
SELECT count(*)
FROM bronze.superseded_row AS superseded
LEFT JOIN bronze.resource AS owner ON superseded.resource_key = owner.resource_key
WHERE owner.resource_key IS NULL
