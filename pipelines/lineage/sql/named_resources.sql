-- Medications and devices that records name by reference: their codings are in the record's rows.
SELECT resource.resource_key
FROM (
    SELECT medication_key AS named_key FROM bronze.drug_exposure WHERE resource_key = ANY(%(resource_keys)s)
    UNION
    SELECT medication_key AS named_key FROM bronze.observation WHERE resource_key = ANY(%(resource_keys)s)
    UNION
    SELECT device_key AS named_key FROM bronze.device_exposure WHERE resource_key = ANY(%(resource_keys)s)
) AS named
LEFT JOIN omop_intermediate.int_reference_alias AS alias ON named.named_key = alias.alias_key
INNER JOIN bronze.resource AS resource ON coalesce(alias.resource_key, named.named_key) = resource.resource_key
