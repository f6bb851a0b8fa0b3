INSERT INTO {target} ({columns})
SELECT {values}
FROM {source} AS staged
INNER JOIN applied
    ON applied.resource_key = staged.resource_key
    AND applied.batch_number = staged.{batch_number}
WHERE applied.newer
