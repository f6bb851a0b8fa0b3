-- Files that were not loaded so, unless they are another source system's.
SELECT
    file.file_id,
    encode(file.sha256, 'hex') AS sha256,
    file.kind,
    file.gzip
FROM landing.file AS file
WHERE
    file.kind <> 'hl7v2'
    AND NOT EXISTS (
        SELECT 1
        FROM landing.file_load AS load
        WHERE
            load.file_id = file.file_id
            AND (
                load.source_system <> %(source_system)s
                OR (load.mapping_profile, load.mapping_version, load.validation)
                = (%(mapping_profile)s, %(mapping_version)s, %(validation)s)
            )
    )
    AND NOT EXISTS (
        SELECT 1
        FROM landing.content_source AS content
        WHERE content.sha256 = file.sha256 AND content.source_system <> %(source_system)s
    )
ORDER BY file.file_id
