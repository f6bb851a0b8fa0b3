SELECT count(*), coalesce(max(message_id), 0)
FROM landing.hl7_message
WHERE folded_at IS NULL
