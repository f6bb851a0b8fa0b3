DELETE FROM {table} AS owned
USING applied
WHERE owned.resource_key = applied.resource_key AND applied.newer
