-- In order of arrival, after the record whose key was the last of the page before.
SELECT
    record_key,
    reason,
    coalesce(resource_type, 'unknown') AS record_type,
    quarantine.source_system(file_id, message_id) AS source_system,
    quarantined_at
FROM quarantine.record
WHERE
    released_at IS NULL
    AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    AND (%(source_system)s::text IS NULL OR quarantine.source_system(file_id, message_id) = %(source_system)s)
    AND record_id > %(after)s
ORDER BY record_id
LIMIT %(limit)s
