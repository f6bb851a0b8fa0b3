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
    sensitivity text[] NOT NULL DEFAULT '{}',
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

-- A transaction reads one person's documents after it has claimed the person, and to claim is to be audited: without
-- the event there is no claim. The claim is a setting that ends with the transaction; nobody can set it by hand, since
-- it carries a hash over the person, the transaction, the login and a secret that only the owner's functions read.
CREATE TABLE retrieval.claim_secret (secret text NOT NULL);
INSERT INTO retrieval.claim_secret
SELECT encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'hex');
REVOKE ALL ON retrieval.claim_secret FROM PUBLIC;

CREATE FUNCTION retrieval.sign_claim(person_id bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT person_id || '.' || encode(sha256(convert_to(concat_ws(
        '|', s.secret, person_id, pg_current_xact_id_if_assigned(), session_user
    ), 'UTF8')), 'hex')
    FROM retrieval.claim_secret AS s
    WHERE pg_current_xact_id_if_assigned() IS NOT NULL
$$;

CREATE FUNCTION retrieval.claim(person_id bigint, subject text, purpose text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM audit.append(subject, purpose, 'claim', person_id, 'person', '{}', 0, '{}');
    PERFORM set_config('sanctum.claim', retrieval.sign_claim(person_id), true);
END
$$;

CREATE FUNCTION retrieval.claimed_person() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.person_id
    FROM (
        SELECT
            current_setting('sanctum.claim', true) AS claim,
            substring(current_setting('sanctum.claim', true) FROM '^-?[0-9]{1,19}(?=[.])')::numeric AS person_id
    ) AS n
    CROSS JOIN LATERAL (
        SELECT n.person_id::bigint WHERE n.person_id BETWEEN -9223372036854775808 AND 9223372036854775807
    ) AS c (person_id)
    WHERE n.claim = retrieval.sign_claim(c.person_id)
$$;
REVOKE ALL ON FUNCTION retrieval.sign_claim, retrieval.claim, retrieval.claimed_person FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retrieval.claim TO sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION retrieval.claimed_person TO sanctum_embed, sanctum_infer, sanctum_reviewer;

ALTER TABLE retrieval.document_chunk ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval.document_chunk FORCE ROW LEVEL SECURITY;
-- The embedder writes every person's chunks; it can't read inference.* or audit.*.
CREATE POLICY embedder_writes ON retrieval.document_chunk FOR ALL TO sanctum_embed USING (true) WITH CHECK (true);
-- Readers see the claimed person only. The sub-select makes the claim a constant of the statement, so the index serves.
CREATE POLICY one_person ON retrieval.document_chunk FOR SELECT TO sanctum_infer, sanctum_reviewer
USING (person_id = (SELECT retrieval.claimed_person()));

GRANT SELECT, INSERT, UPDATE, DELETE ON retrieval.document_chunk TO sanctum_embed;
GRANT SELECT ON retrieval.document_chunk TO sanctum_infer, sanctum_reviewer;
