-- By which mapping what bronze holds of each source was made: a resource's load is the first that ended no earlier than
-- it changed. All that one load wrote has one time, so loads are looked up by file and time, not by resource.
SELECT
    part.source_system,
    load.mapping_profile,
    load.mapping_version,
    sum(part.resources)::bigint AS resources,
    count(DISTINCT part.file_id) AS files,
    max(load.loaded_at) AS loaded_at
FROM (
    SELECT
        source_system,
        file_id,
        changed_at,
        count(*) AS resources
    FROM bronze.resource
    WHERE file_id IS NOT NULL
    GROUP BY source_system, file_id, changed_at
) AS part
INNER JOIN LATERAL (
    SELECT
        found.mapping_profile,
        found.mapping_version,
        found.loaded_at
    FROM landing.file_load AS found
    WHERE
        found.file_id = part.file_id
        AND found.source_system = part.source_system
        AND found.loaded_at >= part.changed_at
    ORDER BY found.loaded_at
    LIMIT 1
) AS load ON TRUE
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
