SELECT message_id
FROM landing.hl7_message
WHERE patient_key = ANY(%(people)s) OR merged_patient_key = ANY(%(people)s)
UNION
SELECT message_id
FROM landing.hl7_message_key
WHERE named_key = ANY(%(people)s)
