SELECT resource_key FROM bronze.provider WHERE provider_key = %(row_id)s
UNION
SELECT role.resource_key
FROM bronze.provider_role AS role
INNER JOIN omop_intermediate.int_provider_role AS placed ON role.provider_role_key = placed.provider_role_key
WHERE placed.provider_key = %(row_id)s
