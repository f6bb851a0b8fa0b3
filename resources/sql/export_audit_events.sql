SELECT
    chain,
    sequence,
    occurred_at,
    database_role,
    subject,
    purpose,
    action,
    person_id,
    object_kind,
    object_ids,
    row_count,
    details,
    encode(event_hash, 'hex') AS event_hash
FROM audit.event
WHERE
    (%(person_id)s::bigint IS NULL OR person_id = %(person_id)s)
    AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
ORDER BY occurred_at, chain, sequence
