SELECT file_id, account
FROM landing.file_load
WHERE
    file_id = ANY(%(file_ids)s)
    AND (source_system, mapping_profile, mapping_version, validation)
    = (%(source_system)s, %(mapping_profile)s, %(mapping_version)s, %(validation)s)
