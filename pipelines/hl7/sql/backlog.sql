-- Messages landed and not folded, the newest of them, and how long the first has waited.
SELECT
    count(*),
    coalesce(max(message_id), 0),
    coalesce(
        extract(EPOCH FROM clock_timestamp() - (
            SELECT received_at FROM landing.hl7_message
            WHERE folded_at IS NULL
            ORDER BY message_id
            LIMIT 1
        ))::double precision,
        0
    )
FROM landing.hl7_message
WHERE folded_at IS NULL
