-- Every table but the system's, with its columns.
SELECT
    n.nspname,
    c.relname,
    array_agg(a.attname::text ORDER BY a.attnum) AS column_names
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN pg_attribute AS a ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
GROUP BY n.nspname, c.relname
ORDER BY n.nspname, c.relname
