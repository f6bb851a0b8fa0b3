SELECT count(*) FROM features.patient_timeline
WHERE person_id = %(person_id)s AND cdm_table = 'visit_occurrence'
