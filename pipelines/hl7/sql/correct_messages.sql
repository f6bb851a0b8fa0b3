-- Landing knows nothing of a hospital's choices: which identifier keys a person, in which zone a sender's times are.
UPDATE landing.hl7_message AS message
SET
    patient_key = given.patient_key,
    merged_patient_key = given.merged_patient_key,
    visit_key = given.visit_key,
    event_at = given.event_at,
    message_at = given.message_at
FROM unnest(
    %(message_id)s::bigint [],
    %(patient_key)s::bigint [],
    %(merged_patient_key)s::bigint [],
    %(visit_key)s::bigint [],
    %(event_at)s::timestamptz [],
    %(message_at)s::timestamptz []
) AS given (message_id, patient_key, merged_patient_key, visit_key, event_at, message_at)
WHERE message.message_id = given.message_id
