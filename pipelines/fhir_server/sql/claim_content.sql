-- Bytes of which some were erased since are named by the hash they have now, too.
INSERT INTO landing.content_source (sha256, source_system, as_of)
SELECT
    given.sha256,
    %(source_system)s,
    %(as_of)s
FROM (
    SELECT %(sha256)s::bytea AS sha256
    UNION
    SELECT file.sha256
    FROM landing.redacted_content AS redacted
    INNER JOIN landing.file AS file ON redacted.file_id = file.file_id
    WHERE redacted.original_sha256 = %(sha256)s
) AS given
ON CONFLICT (sha256, source_system) DO UPDATE SET
    as_of = excluded.as_of,
    -- Two answers of one second of the server's time count in the order in which they came.
    received_at = clock_timestamp()
WHERE content_source.as_of <= excluded.as_of
