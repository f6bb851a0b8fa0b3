-- Embeddings of the same sentence of the same person by the same model.
SELECT DISTINCT ON (text_sha256)
    text_sha256,
    embedding
FROM retrieval.document_chunk
WHERE person_id = ANY(%(person_ids)s) AND text_sha256 = ANY(%(texts)s) AND model_sha256 = %(model_sha256)s
ORDER BY text_sha256, chunk_id
