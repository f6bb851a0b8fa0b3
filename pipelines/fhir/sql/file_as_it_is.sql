-- What a source system's server gave was so when it said; other content when it was received first.
SELECT
    encode(file.sha256, 'hex'),
    coalesce(content.as_of, file.received_at),
    coalesce(content.received_at, file.received_at)
FROM landing.file AS file
LEFT JOIN landing.content_source AS content
    ON file.sha256 = content.sha256 AND content.source_system = %(source_system)s
WHERE file.file_id = %(file_id)s
