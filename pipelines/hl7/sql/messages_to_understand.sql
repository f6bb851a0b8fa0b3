SELECT
    message.message_id,
    message.body,
    message.message_code,
    message.trigger_event,
    message.patient_key,
    message.merged_patient_key,
    message.visit_key,
    message.event_at,
    message.message_at
FROM landing.hl7_message AS message
WHERE message.message_id = ANY(%(ids)s)
