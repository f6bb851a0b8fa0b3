-- Columns of one table in order: name, type, comment, whether it may be null.
SELECT
    a.attname,
    format_type(a.atttypid, a.atttypmod),
    col_description(a.attrelid, a.attnum),
    NOT a.attnotnull
FROM pg_attribute AS a
INNER JOIN pg_class AS c ON a.attrelid = c.oid
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
