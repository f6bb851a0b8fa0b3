-- Messages landed and not folded, and how long the first of them has waited.
SELECT
    count(*),
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
