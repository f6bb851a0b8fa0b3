INSERT INTO vocab.release (content_sha256, concepts, relationships, ancestors)
SELECT
    %(content_sha256)s,
    (SELECT count(*) FROM vocab.concept),
    (SELECT count(*) FROM vocab.concept_relationship),
    (SELECT count(*) FROM vocab.concept_ancestor)
