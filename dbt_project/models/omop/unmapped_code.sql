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
-- What costs the most rows is the first to look at.
ORDER BY sum(rows) DESC, bronze_table ASC, cdm_table ASC, system ASC, code ASC
