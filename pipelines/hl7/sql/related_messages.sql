-- Messages about any of the patients or visits.
SELECT message_id, patient_key, merged_patient_key, visit_key
FROM landing.hl7_message
WHERE patient_key = ANY(%(patients)s) AND message_code IN ('ADT', 'ORU')
UNION
SELECT message_id, patient_key, merged_patient_key, visit_key
FROM landing.hl7_message
WHERE merged_patient_key = ANY(%(patients)s) AND message_code IN ('ADT', 'ORU')
UNION
SELECT message_id, patient_key, merged_patient_key, visit_key
FROM landing.hl7_message
WHERE visit_key = ANY(%(visits)s) AND message_code IN ('ADT', 'ORU')
