SELECT file_id, message_code, trigger_event, count(*)
FROM landing.hl7_message
WHERE folded_at IS NULL AND file_id = ANY(%(file_ids)s)
GROUP BY file_id, message_code, trigger_event
