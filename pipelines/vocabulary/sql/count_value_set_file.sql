SELECT
    count(DISTINCT oid) AS value_sets,
    count(DISTINCT (oid, system, code)) AS codes
FROM value_set_file
