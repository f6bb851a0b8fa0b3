-- Rows are compared whole: nulls are equal, and a hash finds the same row.
DELETE FROM {table} AS old
USING pg_temp.{keys} AS part
WHERE
    old.{by} = part.{by}
    AND NOT EXISTS (SELECT FROM pg_temp.{made} AS made WHERE made = old)
