SELECT
    event.bronze_table,
    coalesce(code.source_system_uri, '') AS system,
    coalesce(code.source_code, '') AS code,
    event.cdm_table,
    max(code.source_concept_id) AS source_concept_id,
    count(*) AS rows,
    count(DISTINCT event.person_id) AS persons
FROM {{ ref('int_event') }} AS event
INNER JOIN {{ ref('int_code') }} AS code ON event.codings = code.codings
WHERE NOT code.is_mapped
GROUP BY event.bronze_table, coalesce(code.source_system_uri, ''), coalesce(code.source_code, ''), event.cdm_table
