-- A source record, and the load that wrote its rows: the first that ended no earlier than they changed.
SELECT
    resource.resource_key,
    resource.source_system,
    resource.resource_type AS record_type,
    resource.resource_id AS record_id,
    resource.version_id,
    resource.last_updated,
    resource.outcome,
    resource.person_key,
    resource.file_id,
    encode(file.sha256, 'hex') AS file_sha256,
    file.kind,
    resource.line_number,
    resource.entry,
    load.loaded_at,
    load.mapping_profile,
    load.mapping_version,
    nullif(load.validation, '') AS validation
FROM bronze.resource AS resource
LEFT JOIN landing.file AS file ON resource.file_id = file.file_id
LEFT JOIN LATERAL (
    SELECT
        found.loaded_at,
        found.mapping_profile,
        found.mapping_version,
        found.validation
    FROM landing.file_load AS found
    WHERE
        found.file_id = resource.file_id
        AND found.source_system = resource.source_system
        AND found.loaded_at >= resource.changed_at
    ORDER BY found.loaded_at
    LIMIT 1
) AS load ON TRUE
WHERE resource.resource_key = %(resource_key)s
