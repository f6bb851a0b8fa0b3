-- The first event of each chain that is not what was written: changed, out of its place, or cut off at the end.
WITH
event AS (
    SELECT
        e.chain,
        e.sequence,
        e.event_hash,
        e.event_hash <> audit.hash_event(e) AS is_changed,
        e.previous_hash <> coalesce(
            lag(e.event_hash) OVER one_chain, sha256(convert_to('sanctum audit chain ' || e.chain, 'UTF8'))
        )
        OR e.sequence <> row_number() OVER one_chain AS is_out_of_place
    FROM audit.event AS e
    WINDOW one_chain AS (PARTITION BY e.chain ORDER BY e.sequence)
),

last_event AS (
    SELECT DISTINCT ON (chain)
        chain,
        sequence,
        event_hash
    FROM event
    ORDER BY chain ASC, sequence DESC
),

problem AS (
    SELECT
        chain,
        sequence,
        CASE WHEN is_changed THEN 'changed' ELSE 'an event before it is gone or was put in' END AS what
    FROM event
    WHERE is_changed OR is_out_of_place
    UNION ALL
    SELECT
        head.chain,
        coalesce(last_event.sequence, 0) + 1 AS sequence,
        'the events from here on are gone' AS what
    FROM audit.chain_head AS head
    LEFT JOIN last_event ON head.chain = last_event.chain
    WHERE
        head.sequence <> coalesce(last_event.sequence, 0)
        OR (last_event.chain IS NOT NULL AND head.event_hash <> last_event.event_hash)
)

SELECT DISTINCT ON (chain)
    chain,
    sequence,
    what
FROM problem
ORDER BY chain ASC, sequence ASC, what ASC
