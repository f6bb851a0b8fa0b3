SELECT DISTINCT
    as_of,
    coalesce(vocabulary_release, 0) AS vocabulary_release
FROM quality.mapping_coverage
