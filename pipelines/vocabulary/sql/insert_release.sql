INSERT INTO vocab.release (content_sha256, concepts, relationships, ancestors, files, changes)
VALUES (%(content_sha256)s, %(concepts)s, %(relationships)s, %(ancestors)s, %(files)s, %(changes)s)
