-- A message that commits later is pending later: nothing is skipped, whatever the order of commits.
SELECT message_id, message_code, trigger_event, patient_key, merged_patient_key, visit_key
FROM landing.hl7_message
WHERE folded_at IS NULL
ORDER BY message_id
LIMIT %(limit)s
