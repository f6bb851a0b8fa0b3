-- A message that commits later is pending later: nothing is skipped, whatever the order of commits.
SELECT message_id
FROM landing.hl7_message
WHERE folded_at IS NULL
ORDER BY message_id
LIMIT %(limit)s
