INSERT INTO landing.hl7_message_key (message_id, named_key, alias_of)
SELECT
    given.message_id,
    given.named_key,
    given.alias_of
FROM unnest(%(message_id)s::bigint [], %(named_key)s::bigint [], %(alias_of)s::bigint [])
    AS given (message_id, named_key, alias_of)
ON CONFLICT (message_id, named_key) DO UPDATE SET alias_of = excluded.alias_of
