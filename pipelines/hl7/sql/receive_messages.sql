-- What {{insert}} stores, with the event of it: how many messages are new, and whether an erased person kept all of them
-- from being stored, in which case there is no event either.
WITH stored AS ({insert}),

counted AS (
    SELECT
        count(*) AS messages,
        coalesce(array_agg(message_id), ARRAY[]::bigint []) AS ids
    FROM stored
),

erased AS (
    SELECT
        EXISTS (SELECT FROM landing.erased_person WHERE person_key = ANY(%(people)s::bigint []))
        OR EXISTS (SELECT FROM landing.erased_identifier WHERE identifier_sha256 = ANY(%(identifiers)s::bytea []))
            AS is_named
)

SELECT
    counted.messages,
    erased.is_named,
    CASE WHEN NOT erased.is_named THEN audit.append(
        'service:ingest', 'load', 'receive', NULL, 'landing.hl7_message', counted.ids, counted.messages,
        jsonb_build_object('received', %(received)s::bigint)
    ) END
FROM counted CROSS JOIN erased
