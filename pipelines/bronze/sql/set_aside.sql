-- Rows of one table whose resource gets a version that bronze did not have; what of it counts is told once that is in.
CREATE TEMPORARY TABLE {former} ON COMMIT DROP AS
SELECT
    owned.{key} AS row_key,
    owned.resource_key,
    owned.source_system,
    owned.person_key,
    owned.known_at,
    resource.version_order IS NULL AS is_fold,
    resource.version_at,
    CASE
        WHEN resource.version_order IS NOT NULL THEN resource.known_from
        ELSE (
            SELECT max(earlier.known_until)
            FROM bronze.superseded_row AS earlier
            WHERE
                earlier.resource_key = owned.resource_key
                AND earlier.bronze_table = {name}
                AND earlier.row_key = owned.{key}
        )
    END AS known_from,
    coalesce(applied.version_at, now()) AS replaced_at,
    resource.security_labels,
    to_jsonb(owned) AS content
FROM {table} AS owned
INNER JOIN applied ON owned.resource_key = applied.resource_key AND applied.newer AND applied.is_another
INNER JOIN bronze.resource AS resource ON owned.resource_key = resource.resource_key
