-- Columns of every table that may hold people's rows, and whether the eraser may delete from it.
SELECT
    format('%%s.%%s', n.nspname, c.relname) AS table_name,
    a.attname,
    has_table_privilege(c.oid, 'DELETE') AS may_delete
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN pg_attribute AS a ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
WHERE
    c.relkind IN ('r', 'p', 'm')
    AND NOT starts_with(n.nspname, 'pg_')
    AND n.nspname NOT IN ('information_schema', 'bronze_staging', 'dagster')
    AND n.nspname <> ALL(%(kept_schemas)s)
