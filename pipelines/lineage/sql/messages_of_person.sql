-- In the order of receipt.
SELECT
    message.message_id,
    message.body,
    message.message_code,
    message.trigger_event,
    message.message_at,
    message.byte_offset,
    message.folded_at,
    encode(file.sha256, 'hex') AS file_sha256
FROM landing.hl7_message AS message
LEFT JOIN landing.file AS file ON message.file_id = file.file_id
WHERE
    message.folded_at IS NOT NULL
    AND (
        message.patient_key = %(person_key)s
        OR message.merged_patient_key = %(person_key)s
        OR message.visit_key = %(visit_key)s
        OR EXISTS (
            SELECT 1 FROM landing.hl7_message_key AS named
            WHERE named.message_id = message.message_id AND named.named_key IN (%(person_key)s, %(visit_key)s)
        )
    )
ORDER BY message.message_id
