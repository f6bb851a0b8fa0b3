-- What a build says of itself. No concept says that, so both concepts are 0.
WITH
stated AS (
    SELECT
        1 AS metadata_id,
        'as-of day of the build' AS name,
        NULL::text AS value_as_string,
        NULL::numeric AS value_as_number,
        {{ as_of() }} AS metadata_date
    UNION ALL
    SELECT
        2 AS metadata_id,
        'persistence window of eras in days' AS name,
        NULL AS value_as_string,
        {{ persistence_window() }} AS value_as_number,
        NULL AS metadata_date
    UNION ALL
    (
        SELECT
            3 AS metadata_id,
            'SHA-256 of the vocabulary release in force' AS name,
            content_sha256 AS value_as_string,
            release_id AS value_as_number,
            loaded_at::date AS metadata_date
        FROM {{ source('vocab', 'release') }}
        ORDER BY release_id DESC
        LIMIT 1
    )
)

SELECT
    metadata_id::bigint AS metadata_id,
    0 AS metadata_concept_id,
    0 AS metadata_type_concept_id,
    name,
    value_as_string,
    NULL::integer AS value_as_concept_id,
    value_as_number,
    metadata_date,
    NULL::timestamp AS metadata_datetime
FROM stated
