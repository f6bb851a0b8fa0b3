-- A version of FHIR replaces all its rows. A fold says of each row when it was said: one that is as it was goes on, and one
-- that changed or is gone without a later time than before did so with the fold; if that says no later time either, now.
-- What was replaced at the moment it began to count, counted at none.
INSERT INTO bronze.superseded_row (
    resource_key,
    source_system,
    person_key,
    bronze_table,
    row_key,
    version_at,
    known_from,
    known_until,
    security_labels,
    content
)
SELECT
    replaced.resource_key,
    replaced.source_system,
    replaced.person_key,
    {name},
    replaced.row_key,
    replaced.version_at,
    replaced.known_from,
    replaced.known_until,
    replaced.security_labels,
    replaced.content
FROM (
    SELECT
        former.*,
        CASE
            WHEN NOT former.is_fold THEN former.replaced_at
            WHEN owned.known_at > coalesce(former.known_from, former.known_at) THEN owned.known_at
            WHEN former.replaced_at > former.version_at THEN former.replaced_at
            ELSE now()
        END AS known_until
    FROM {former} AS former
    LEFT JOIN {table} AS owned ON former.row_key = owned.{key} AND former.resource_key = owned.resource_key
    WHERE NOT former.is_fold OR owned.{key} IS NULL OR to_jsonb(owned) <> former.content
) AS replaced
WHERE replaced.known_until > coalesce(replaced.known_from, replaced.known_at, replaced.version_at)
