SELECT
    cdm_table,
    cdm_id
FROM features.patient_timeline
WHERE cdm_id = %(row_id)s
ORDER BY 1
