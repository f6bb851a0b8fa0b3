SELECT count(*)
FROM audit.event
WHERE
    (%(person_id)s::bigint IS NULL OR person_id = %(person_id)s)
    AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
