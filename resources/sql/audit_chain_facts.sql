-- Of each chain, in one pass over it: where its events stop being what was written. Hashes are computed anew, and here:
-- a superuser could replace audit.hash_event, which computes them when events are written. Nor are the table's
-- constraints relied on: where a superuser dropped them, a value may be null and a number may be there twice.
WITH event AS (
    SELECT
        e.chain,
        e.sequence,
        e.event_hash,
        e.previous_hash,
        (e.event_hash = sha256(e.previous_hash || convert_to(jsonb_build_array(
            e.chain, e.sequence, extract(EPOCH FROM e.occurred_at), e.database_role, e.subject, e.purpose, e.action,
            e.person_id, e.object_kind, to_jsonb(e.object_ids), e.row_count, e.details
        )::text, 'UTF8'))) IS NOT TRUE AS is_changed,
        coalesce(lag(e.sequence) OVER one_chain, 0) AS before,
        coalesce(
            lag(e.event_hash) OVER one_chain, sha256(convert_to('sanctum audit chain ' || e.chain, 'UTF8'))
        ) AS before_hash,
        lag(e.previous_hash) OVER one_chain AS before_previous_hash,
        lead(e.sequence) OVER one_chain IS NULL AS is_last
    FROM audit.event AS e
    WINDOW one_chain AS (PARTITION BY e.chain ORDER BY e.sequence)
)

SELECT
    chain,
    count(*) AS events,
    min(sequence) AS first_sequence,
    max(sequence) AS last_sequence,
    encode((array_agg(event_hash) FILTER (WHERE is_last))[1], 'hex') AS last_hash,
    min(sequence) FILTER (WHERE is_changed) AS changed,
    min(coalesce(sequence, 0)) FILTER (WHERE (sequence > before) IS NOT TRUE) AS put_in,
    min(before + 1) FILTER (WHERE sequence > before + 1) AS gone_from,
    min(sequence - 1) FILTER (WHERE sequence > before + 1) AS gone_to,
    min(sequence) FILTER (WHERE is_unlinked) AS unlinked,
    -- The event before the unlinked one: whether the unlinked one follows the event before that.
    (array_agg(previous_hash = before_previous_hash ORDER BY sequence) FILTER (WHERE is_unlinked))[1] AS skips_one,
    encode((array_agg(before_hash ORDER BY sequence) FILTER (WHERE is_unlinked))[1], 'hex') AS unlinked_from
FROM event
-- An event whose link is null is changed itself, and accuses no other.
CROSS JOIN LATERAL (SELECT sequence = before + 1 AND previous_hash <> before_hash AS is_unlinked) AS link
GROUP BY chain
