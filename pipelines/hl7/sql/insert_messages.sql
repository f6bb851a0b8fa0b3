-- In the order given, so that message_id is the order of receipt; a message that is there is left alone. Nothing is
-- stored if one of the people or identifiers was erased.
INSERT INTO landing.hl7_message (
    file_id, byte_offset, body_sha256, body, sending_application, sending_facility, message_control_id, message_code,
    trigger_event, version_id, processing_id, patient_key, merged_patient_key, visit_key, message_at, event_at
)
SELECT
    %(file_id)s,
    given.byte_offset,
    given.body_sha256,
    given.body,
    given.sending_application,
    given.sending_facility,
    given.message_control_id,
    given.message_code,
    given.trigger_event,
    given.version_id,
    given.processing_id,
    given.patient_key,
    given.merged_patient_key,
    given.visit_key,
    given.message_at,
    given.event_at
FROM unnest(
    %(byte_offset)s::bigint [],
    %(body_sha256)b::bytea [],
    %(body)b::bytea [],
    %(sending_application)b::text [],
    %(sending_facility)b::text [],
    %(message_control_id)b::text [],
    %(message_code)b::text [],
    %(trigger_event)b::text [],
    %(version_id)b::text [],
    %(processing_id)b::text [],
    %(patient_key)s::bigint [],
    %(merged_patient_key)s::bigint [],
    %(visit_key)s::bigint [],
    %(message_at)s::timestamptz [],
    %(event_at)s::timestamptz []
) WITH ORDINALITY AS given (
    byte_offset, body_sha256, body, sending_application, sending_facility, message_control_id, message_code,
    trigger_event, version_id, processing_id, patient_key, merged_patient_key, visit_key, message_at, event_at, place
)
WHERE
    NOT EXISTS (SELECT FROM landing.erased_person WHERE person_key = ANY(%(people)s::bigint []))
    AND NOT EXISTS (SELECT FROM landing.erased_identifier WHERE identifier_sha256 = ANY(%(identifiers)s::bytea []))
ORDER BY given.place
ON CONFLICT (sending_application, sending_facility, message_control_id, body_sha256) DO NOTHING
RETURNING message_id, message_code, trigger_event
