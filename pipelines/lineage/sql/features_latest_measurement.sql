SELECT
    'measurement' AS cdm_table,
    measurement_id AS cdm_id
FROM features.latest_measurement
WHERE measurement_id = %(row_id)s
LIMIT 1
