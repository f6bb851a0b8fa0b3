-- Of each staged resource its newest version; newer: bronze has none or none that comes after it; is_another: it is a
-- version that bronze did not have, not the same one mapped again.
CREATE TEMPORARY TABLE applied ON COMMIT DROP AS
SELECT
    chosen.*,
    coalesce(chosen.version_order >= existing.version_order, TRUE) AS newer,
    coalesce(chosen.version_order <> existing.version_order, TRUE) AS is_another
FROM (
    SELECT DISTINCT ON (staged.resource_key) staged.*
    FROM bronze_staging.resource AS staged
    ORDER BY staged.resource_key ASC, staged.version_order COLLATE "C" DESC NULLS LAST, staged.batch_number DESC
) AS chosen
LEFT JOIN bronze.resource AS existing ON existing.resource_key = chosen.resource_key
