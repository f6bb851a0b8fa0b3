INSERT INTO bronze.resource AS resource (
    resource_key, source_system, resource_type, resource_id, version_id, last_updated, version_order,
    content_sha256, outcome, person_key, security_labels, file_id, line_number, entry, version_at
)
SELECT
    resource_key,
    source_system,
    resource_type,
    resource_id,
    version_id,
    last_updated,
    version_order,
    content_sha256,
    outcome,
    person_key,
    security_labels::jsonb,
    file_id,
    line_number,
    entry,
    coalesce(version_at, now())
FROM applied
WHERE newer
ON CONFLICT (resource_key) DO UPDATE SET
    source_system = excluded.source_system,
    resource_type = excluded.resource_type,
    resource_id = excluded.resource_id,
    version_id = excluded.version_id,
    last_updated = excluded.last_updated,
    version_order = excluded.version_order,
    content_sha256 = excluded.content_sha256,
    outcome = excluded.outcome,
    -- A record that is deleted, or can't be read any more, is still that person's.
    person_key = CASE
        WHEN excluded.outcome = 'loaded' THEN excluded.person_key
        ELSE coalesce(excluded.person_key, resource.person_key)
    END,
    security_labels = excluded.security_labels,
    file_id = excluded.file_id,
    line_number = excluded.line_number,
    entry = excluded.entry,
    -- The same version mapped again was known when it was; and the moments at which versions began to count are in order.
    version_at = CASE
        WHEN excluded.version_order = resource.version_order THEN resource.version_at ELSE excluded.version_at
    END,
    known_from = CASE
        WHEN excluded.version_order = resource.version_order THEN resource.known_from
        -- A fold says of each row when it was said.
        WHEN excluded.version_order IS NOT NULL THEN greatest(resource.known_from, excluded.version_at)
    END,
    changed_at = now(),
    changed_by = pg_current_xact_id()
