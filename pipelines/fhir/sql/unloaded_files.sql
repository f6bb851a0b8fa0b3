-- A file that was loaded for this source system, or came from its server, is its own; of the others those that are
-- nobody's.
SELECT
    file.file_id,
    encode(file.sha256, 'hex') AS sha256,
    file.kind,
    file.gzip
FROM landing.file AS file
LEFT JOIN LATERAL (
    SELECT bool_or(named.source_system = %(source_system)s) AS is_own
    FROM (
        SELECT source_system
        FROM landing.file_load
        WHERE file_id = file.file_id
        UNION ALL
        SELECT source_system
        FROM landing.content_source
        WHERE sha256 = file.sha256
    ) AS named
) AS owner ON TRUE
WHERE
    file.kind <> 'hl7v2'
    AND coalesce(owner.is_own, TRUE)
    AND NOT EXISTS (
        SELECT 1
        FROM landing.file_load
        WHERE
            file_id = file.file_id
            AND source_system = %(source_system)s
            AND mapping_profile = %(mapping_profile)s
            AND mapping_version = %(mapping_version)s
            AND validation = %(validation)s
    )
ORDER BY file.file_id
