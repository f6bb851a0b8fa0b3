-- A code system that is of no vocabulary is what somebody typed: of it only the rows are told.
SELECT
    cdm_table,
    cdm_field,
    CASE
        WHEN source_vocabulary_id IS NOT NULL THEN source_vocabulary_id
        WHEN source_system = '' THEN %(without_system)s
        WHEN source_system IS NOT NULL THEN %(other)s
        ELSE %(no_code)s
    END AS vocabulary,
    is_of_every_row,
    sum(rows)::bigint AS rows,
    sum(rows_mapped)::bigint AS rows_mapped,
    sum(codes)::bigint AS codes,
    sum(codes_mapped)::bigint AS codes_mapped
FROM quality.mapping_coverage
GROUP BY cdm_table, cdm_field, is_of_every_row, vocabulary
ORDER BY cdm_table, is_of_every_row DESC, cdm_field, rows DESC, vocabulary
