SELECT
    reason,
    coalesce(resource_type, 'unknown') AS record_type,
    quarantine.source_system(file_id, message_id) AS source_system,
    count(*) AS records,
    min(quarantined_at) AS oldest
FROM quarantine.record
WHERE
    released_at IS NULL
    AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    AND (%(source_system)s::text IS NULL OR quarantine.source_system(file_id, message_id) = %(source_system)s)
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3
