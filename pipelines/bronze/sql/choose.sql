-- Of each staged resource its last version; newer: bronze has none or none that is younger.
CREATE TEMPORARY TABLE applied ON COMMIT DROP AS
SELECT
    chosen.*,
    existing.resource_key IS NULL
    OR existing.last_updated IS NULL
    OR chosen.last_updated IS NULL
    OR chosen.last_updated >= existing.last_updated AS newer
FROM (
    SELECT DISTINCT ON (staged.resource_key) staged.*
    FROM bronze_staging.resource AS staged
    ORDER BY staged.resource_key ASC, staged.batch_number DESC
) AS chosen
LEFT JOIN bronze.resource AS existing ON existing.resource_key = chosen.resource_key
