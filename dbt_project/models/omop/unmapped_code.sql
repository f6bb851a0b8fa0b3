SELECT
    bronze_table,
    system,
    code,
    cdm_table,
    max(source_concept_id) AS source_concept_id,
    sum(rows)::bigint AS rows,
    count(person_id) AS persons
FROM {{ ref('int_unmapped_code') }}
GROUP BY bronze_table, system, code, cdm_table
