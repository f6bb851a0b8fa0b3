SELECT
    cdm_table,
    bronze_table,
    system,
    code,
    source_concept_id,
    rows,
    persons
FROM omop.unmapped_code
ORDER BY rows DESC, cdm_table, bronze_table, system, code
LIMIT %(limit)s
