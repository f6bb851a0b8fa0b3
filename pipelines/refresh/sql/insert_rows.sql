WITH
held AS MATERIALIZED (
    SELECT old AS whole
    FROM {table} AS old
    INNER JOIN pg_temp.{keys} AS part ON old.{by} = part.{by}
)

INSERT INTO {table}
SELECT made.*
FROM pg_temp.{made} AS made
WHERE
    made.{by} IN (SELECT {by} FROM pg_temp.{keys})
    AND NOT EXISTS (SELECT FROM held WHERE held.whole = made)
