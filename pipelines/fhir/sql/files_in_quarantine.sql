-- Files that hold a record that can't be used, with each source system that they were loaded for.
SELECT DISTINCT
    load.source_system,
    file.file_id,
    encode(file.sha256, 'hex') AS sha256,
    file.kind,
    file.gzip
FROM landing.file AS file
INNER JOIN landing.file_load AS load ON file.file_id = load.file_id
WHERE
    file.kind <> 'hl7v2'
    AND EXISTS (
        SELECT 1
        FROM quarantine.record AS record
        WHERE
            record.released_at IS NULL
            AND record.file_id = file.file_id
            AND record.reason = coalesce(%(reason)s::text, record.reason)
    )
ORDER BY 1, 2
