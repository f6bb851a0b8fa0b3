-- The labels of every row of omop: of what bronze tells, and of what is counted out of labelled rows.
SELECT
    cdm_table,
    cdm_id,
    person_id,
    sensitivity
FROM {{ ref('int_sensitive_row') }}
UNION ALL
SELECT
    cdm_table,
    cdm_id,
    person_id,
    sensitivity
FROM {{ ref('int_era') }}
WHERE sensitivity <> '{}'
