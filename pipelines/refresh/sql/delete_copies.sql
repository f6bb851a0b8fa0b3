-- A table that others depend on changes by what differs alone: its triggers follow each row.
DELETE FROM {table} AS old
USING pg_temp.{keys} AS part
WHERE
    old.{by} = part.{by}
    AND NOT EXISTS (SELECT FROM pg_temp.{made} AS made WHERE {same})
