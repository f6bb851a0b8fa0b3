CREATE TEMPORARY TABLE {copy} AS
SELECT owned.*
FROM {table} AS owned
INNER JOIN pg_temp.part_resource_key AS part ON owned.resource_key = part.resource_key
