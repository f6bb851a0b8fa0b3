SELECT
    source_system,
    mapping_profile,
    mapping_version,
    nullif(validation, '') AS validation,
    loaded_at
FROM landing.file_load
WHERE file_id = %(file_id)s AND (%(source_system)s::text IS NULL OR source_system = %(source_system)s)
ORDER BY loaded_at, source_system, mapping_profile, mapping_version, validation
