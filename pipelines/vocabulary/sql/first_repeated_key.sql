-- The first line whose key an earlier line has: rows lie in the order of the file, whose first line is the header.
SELECT numbered.line
FROM (
    SELECT
        row_number() OVER (ORDER BY ctid) + 1 AS line,
        row_number() OVER (PARTITION BY {key} ORDER BY ctid) AS nth
    FROM {table}
) AS numbered
WHERE numbered.nth > 1
ORDER BY numbered.line
LIMIT 1
