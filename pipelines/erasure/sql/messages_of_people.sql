SELECT message_id
FROM landing.hl7_message
WHERE patient_key = ANY(%(people)s) OR merged_patient_key = ANY(%(people)s)
