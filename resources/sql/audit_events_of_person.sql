SELECT
    occurred_at,
    database_role,
    subject,
    purpose,
    action,
    object_kind,
    row_count
FROM audit.event
WHERE person_id = %(person_id)s
ORDER BY occurred_at, chain, sequence
