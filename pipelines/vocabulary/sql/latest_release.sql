SELECT
    release_id,
    content_sha256,
    concepts,
    relationships,
    ancestors,
    files,
    changes
FROM vocab.release
ORDER BY release_id DESC
LIMIT 1
