-- is_reused: an earlier message of the sender had the same MSH-10 and another body.
SELECT
    message.message_id,
    message.event_at,
    message.message_at,
    message.message_control_id <> '' AND EXISTS (
        SELECT 1 FROM landing.hl7_message AS former
        WHERE
            former.sending_application = message.sending_application
            AND former.sending_facility = message.sending_facility
            AND former.message_control_id = message.message_control_id
            AND former.message_id < message.message_id
    ) AS is_reused
FROM landing.hl7_message AS message
WHERE message.message_id = ANY(%(ids)s)
ORDER BY message.event_at NULLS FIRST, message.message_at NULLS FIRST, message.message_id
