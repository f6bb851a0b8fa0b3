INSERT INTO {table}
SELECT made.*
FROM pg_temp.{made} AS made
WHERE NOT EXISTS (SELECT FROM {table} AS known WHERE {same})
