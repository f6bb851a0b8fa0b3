-- Chunks of all people.
SELECT retrieval.chunk_count()
