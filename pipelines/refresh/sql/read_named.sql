-- What their records name: aliases with what these lead to, medications, devices, Tasks that reject their orders, and the
-- account of all records.
CREATE TEMPORARY TABLE bronze_reference_alias AS
SELECT alias.*
FROM bronze.reference_alias AS alias
WHERE
    alias.resource_key IN (SELECT resource_key FROM pg_temp.part_resource_key)
    OR alias.alias_key IN (SELECT key FROM pg_temp.part_reference);
INSERT INTO pg_temp.bronze_reference_alias
SELECT other.*
FROM bronze.reference_alias AS other
WHERE
    other.alias_key IN (SELECT alias_key FROM pg_temp.bronze_reference_alias)
    AND NOT EXISTS (
        SELECT FROM pg_temp.bronze_reference_alias AS known
        WHERE known.reference_alias_key = other.reference_alias_key
    );
INSERT INTO pg_temp.part_reference
SELECT resource_key
FROM pg_temp.bronze_reference_alias
EXCEPT
SELECT key
FROM pg_temp.part_reference;
-- Of a Task that rejects an order only the order may say whose it is.
CREATE TEMPORARY TABLE bronze_rejected_request AS
SELECT rejected.*
FROM bronze.rejected_request AS rejected
WHERE rejected.request_key IN (SELECT resource_key FROM pg_temp.part_resource_key);
INSERT INTO pg_temp.part_reference
SELECT resource_key
FROM pg_temp.bronze_rejected_request
EXCEPT
SELECT key
FROM pg_temp.part_reference;
ANALYZE pg_temp.part_reference;
CREATE TEMPORARY TABLE bronze_medication AS
SELECT medication.*
FROM bronze.medication AS medication
WHERE medication.medication_key IN (SELECT key FROM pg_temp.part_reference);
CREATE TEMPORARY TABLE bronze_device AS
SELECT device.*
FROM bronze.device AS device
WHERE
    device.device_key IN (SELECT key FROM pg_temp.part_reference)
    OR device.resource_key IN (SELECT resource_key FROM pg_temp.part_resource_key);
CREATE TEMPORARY TABLE bronze_resource AS
SELECT resource.*
FROM bronze.resource AS resource
WHERE
    resource.resource_key IN (
        SELECT resource_key FROM pg_temp.part_resource_key
        UNION
        SELECT key FROM pg_temp.part_reference
    );
