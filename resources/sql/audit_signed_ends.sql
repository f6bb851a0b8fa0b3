-- The ends that were signed whose event is another one now, or gone.
SELECT
    signed.chain,
    signed.sequence,
    signed.event_hash,
    e.sequence IS NULL AS is_gone
FROM unnest(%(chains)s::smallint [], %(sequences)s::bigint [], %(hashes)s::text []) AS signed (
    chain, sequence, event_hash
)
LEFT JOIN audit.event AS e ON signed.chain = e.chain AND signed.sequence = e.sequence
WHERE e.event_hash IS DISTINCT FROM decode(signed.event_hash, 'hex')
