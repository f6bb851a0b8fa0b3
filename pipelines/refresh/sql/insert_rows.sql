INSERT INTO {table} ({columns})
SELECT {columns}
FROM pg_temp.{made} AS made
WHERE made.{by} IN (SELECT {by} FROM pg_temp.{keys})
