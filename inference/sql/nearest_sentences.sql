-- A person's sentences nearest to any of the query vectors; of a repeated sentence, its newest occurrence.
-- The person's chunks are taken first, by their index: an HNSW scan filters afterwards and would miss them.
WITH
mine AS MATERIALIZED (
    SELECT DISTINCT ON (text_sha256)
        chunk_id,
        note_id,
        note_date,
        chunk_text,
        text_sha256,
        embedding
    FROM retrieval.document_chunk
    WHERE
        person_id = %(person_id)s
        AND model_sha256 = %(model_sha256)s
        AND (%(from_date)s::date IS NULL OR note_date >= %(from_date)s::date)
        AND (%(to_date)s::date IS NULL OR note_date <= %(to_date)s::date)
    ORDER BY text_sha256, note_date DESC, chunk_id
)

SELECT
    mine.chunk_id,
    mine.note_id,
    mine.note_date,
    mine.chunk_text,
    (
        SELECT min(mine.embedding OPERATOR(public.<=>) query.vector::public.halfvec(384))
        FROM unnest(%(vectors)s::text[]) AS query (vector)
    ) AS distance
FROM mine
ORDER BY distance, mine.chunk_id
LIMIT %(limit)s
