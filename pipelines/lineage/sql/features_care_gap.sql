SELECT DISTINCT
    deciding.row_named ->> 'cdm_table' AS cdm_table,
    (deciding.row_named ->> 'cdm_id')::bigint AS cdm_id
FROM features.care_gap AS gap
CROSS JOIN LATERAL jsonb_array_elements(gap.deciding_rows) AS deciding (row_named)
WHERE gap.care_gap_id = %(row_id)s
ORDER BY 1, 2
