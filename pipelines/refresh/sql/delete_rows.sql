DELETE FROM {table} AS old
USING pg_temp.{keys} AS part
WHERE old.{by} = part.{by}
