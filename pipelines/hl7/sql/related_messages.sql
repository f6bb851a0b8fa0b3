-- Messages that name one of the people or visits, with all whom they name.
WITH related AS (
    SELECT message_id FROM landing.hl7_message WHERE patient_key = ANY(%(keys)s)
    UNION
    SELECT message_id FROM landing.hl7_message WHERE merged_patient_key = ANY(%(keys)s)
    UNION
    SELECT message_id FROM landing.hl7_message WHERE visit_key = ANY(%(keys)s)
    UNION
    SELECT message_id FROM landing.hl7_message_key WHERE named_key = ANY(%(keys)s)
)

SELECT
    message.message_id,
    message.folded_at IS NULL AS is_pending,
    ARRAY[message.patient_key, message.merged_patient_key, message.visit_key] AS own_keys,
    named.keys
FROM related
INNER JOIN landing.hl7_message AS message ON related.message_id = message.message_id
LEFT JOIN LATERAL (
    SELECT array_agg(other.named_key) AS keys
    FROM landing.hl7_message_key AS other
    WHERE other.message_id = message.message_id
) AS named ON TRUE
WHERE message.message_code = ANY(%(codes)s)
