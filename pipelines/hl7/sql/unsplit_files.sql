SELECT file.file_id, encode(file.sha256, 'hex')
FROM landing.file AS file
WHERE
    (file.kind = 'hl7v2' OR file.file_id = ANY(%(file_ids)s))
    AND NOT EXISTS (
        SELECT 1 FROM landing.file_load AS load
        WHERE
            load.file_id = file.file_id
            AND (load.source_system, load.mapping_profile, load.mapping_version)
            = (%(source_system)s, %(mapping_profile)s, %(mapping_version)s)
    )
ORDER BY file.file_id
