CREATE TABLE retrieval.document_chunk (
    chunk_id bigint PRIMARY KEY,
    note_id bigint NOT NULL,
    person_id bigint NOT NULL,
    sentence_number integer NOT NULL,
    start_character integer NOT NULL,
    end_character integer NOT NULL,
    note_date date NOT NULL,
    note_sha256 text NOT NULL,
    chunk_text text NOT NULL,
    text_sha256 text NOT NULL,
    chunking_version text NOT NULL,
    sensitivity text[] NOT NULL,
    embedding public.halfvec(384),
    model_sha256 text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (note_id, sentence_number)
);
COMMENT ON TABLE retrieval.document_chunk IS
'One sentence of one note. chunk_id is derived from note_id, sentence_number and text. Offsets count characters of omop.note.note_text.';
CREATE INDEX document_chunk_person ON retrieval.document_chunk (person_id);
CREATE INDEX document_chunk_embedding ON retrieval.document_chunk
USING hnsw (embedding public.halfvec_cosine_ops) WITH (m = 16, ef_construction = 64);

ALTER TABLE retrieval.document_chunk ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval.document_chunk FORCE ROW LEVEL SECURITY;
-- The embedder writes every person's chunks, under a ticket; it can't read inference.* or audit.*.
CREATE POLICY embedder ON retrieval.document_chunk FOR ALL TO sanctum_embed
USING ((SELECT access.sees_everyone())) WITH CHECK ((SELECT access.sees_everyone()));
-- Readers see the claimed person only. The sub-select makes the claim a constant of the statement, so the index serves.
CREATE POLICY one_person ON retrieval.document_chunk FOR SELECT TO sanctum_infer, sanctum_reviewer
USING (
    person_id = (SELECT access.person_id())
    AND (sensitivity = '{}' OR access.may_see(person_id, sensitivity))
    -- The embedder may just be writing what it read before the note was labelled.
    AND note_id <> ALL((SELECT access.hidden_notes())::bigint[])
);
CREATE POLICY eraser ON retrieval.document_chunk FOR ALL TO sanctum_eraser USING (true);
-- What counts and copies labels runs as the owner and gives out no content.
CREATE POLICY owner_counts ON retrieval.document_chunk FOR SELECT TO sanctum_owner USING (true);
CREATE POLICY owner_labels ON retrieval.document_chunk FOR UPDATE TO sanctum_owner USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON retrieval.document_chunk TO sanctum_embed;
GRANT SELECT ON retrieval.document_chunk TO sanctum_infer, sanctum_reviewer;

-- A note that is labelled hides its chunks at once; what it is labelled with no longer, the embedder takes off.
CREATE FUNCTION retrieval.label_chunks() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE retrieval.document_chunk AS c SET sensitivity = NEW.sensitivity
    WHERE c.note_id = NEW.cdm_id AND c.sensitivity <> NEW.sensitivity;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION retrieval.label_chunks FROM PUBLIC;
CREATE TRIGGER chunks_are_labelled AFTER INSERT OR UPDATE OF sensitivity ON access.sensitive_row
FOR EACH ROW WHEN (NEW.cdm_table = 'note') EXECUTE FUNCTION retrieval.label_chunks();

CREATE FUNCTION retrieval.chunk_count() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT count(*) FROM retrieval.document_chunk $$;
REVOKE ALL ON FUNCTION retrieval.chunk_count FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retrieval.chunk_count TO sanctum_embed;
