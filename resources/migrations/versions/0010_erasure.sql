-- Erasure of one person. What is kept of them are hashes: enough to know them again, nothing that tells who they were.
CREATE TABLE landing.erasure (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL UNIQUE,
    person_keys bigint[] NOT NULL,
    reason_code text NOT NULL
    CHECK (reason_code IN ('data-subject-request', 'loaded-in-error', 'retention-expired', 'court-order')),
    subject text NOT NULL,
    state text NOT NULL DEFAULT 'started' CHECK (state IN ('started', 'erased', 'verified')),
    counts jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    verified_at timestamptz
);
COMMENT ON TABLE landing.erasure IS
'Journal of erasures: one that is not verified is taken up again by the next sanctum erase. Keys and counts, no content.';

CREATE TABLE landing.erased_person (
    person_key bigint PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE landing.erased_person IS
'Source persons that were erased: what is loaded of them is excluded as erased, and its landed bytes are overwritten.';

CREATE TABLE landing.erased_identifier (
    identifier_sha256 bytea PRIMARY KEY CHECK (octet_length(identifier_sha256) = 32),
    birth_sha256 bytea CHECK (octet_length(birth_sha256) = 32),
    erased_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE landing.erased_identifier IS
'Hash of (assigning authority, identifier) of erased people, and of the same with the birth date: another source that names one of them names the same person, unless the birth dates differ.';

CREATE TABLE landing.erasure_token (
    erasure_id bigint NOT NULL REFERENCES landing.erasure,
    kind text NOT NULL,
    token text NOT NULL,
    PRIMARY KEY (erasure_id, kind, token)
);
COMMENT ON TABLE landing.erasure_token IS
'Words to look for while an erasure is under way, so that one that was interrupted can still prove itself; emptied when it is verified.';

CREATE TABLE landing.redacted_content (
    original_sha256 bytea PRIMARY KEY CHECK (octet_length(original_sha256) = 32),
    file_id bigint NOT NULL REFERENCES landing.file
);
COMMENT ON TABLE landing.redacted_content IS
'Hashes that landed files had before bytes in them were overwritten: the same bytes dropped again are known.';

CREATE TABLE landing.redaction_due (
    file_id bigint PRIMARY KEY REFERENCES landing.file,
    due_since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE landing.redaction_due IS
'Landed files that hold records of erased people; written with the load that excluded them, emptied by the redaction after it.';

GRANT SELECT, INSERT ON landing.erased_person, landing.erased_identifier, landing.redaction_due TO sanctum_ingest;
GRANT SELECT, INSERT, DELETE ON landing.erasure_token TO sanctum_ingest;
GRANT SELECT ON landing.redacted_content, landing.erasure TO sanctum_ingest;
GRANT DELETE, SELECT (person_key) ON landing.fhir_watermark TO sanctum_eraser;

-- The eraser finds rows by their keys and deletes them; it reads no content.
GRANT USAGE ON SCHEMA landing, quarantine, bronze, retrieval, inference, omop, omop_intermediate, features, measures
TO sanctum_eraser;
GRANT DELETE, SELECT (person_id) ON
    access.person_scope, access.sensitive_row, access.consent, access.emergency_access, access.ticket_person
TO sanctum_eraser;
GRANT DELETE, SELECT (scope_id) ON access.scope_name TO sanctum_eraser;
GRANT SELECT, INSERT ON landing.erased_person, landing.erased_identifier, landing.redacted_content TO sanctum_eraser;
GRANT SELECT, INSERT, UPDATE ON landing.erasure TO sanctum_eraser;
GRANT SELECT, INSERT, DELETE ON landing.redaction_due TO sanctum_eraser;
GRANT SELECT, UPDATE (sha256, byte_length) ON landing.file TO sanctum_eraser;
GRANT SELECT (file_id, source_system) ON landing.file_load TO sanctum_eraser;
GRANT SELECT, INSERT ON landing.content_source TO sanctum_eraser;
GRANT DELETE, SELECT (message_id, body_sha256, patient_key, merged_patient_key, received_at, folded_at)
ON landing.hl7_message TO sanctum_eraser;
GRANT
DELETE,
SELECT (record_id, record_key, file_id, line_number, entry, byte_offset, message_id, quarantined_at, released_at),
UPDATE (record_key)
ON quarantine.record TO sanctum_eraser;
-- Unmapped resources have no person: the eraser says whose they are before it deletes them with the others.
GRANT UPDATE (person_key) ON bronze.resource TO sanctum_eraser;

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT
            n.nspname AS schema_name,
            c.relname AS table_name,
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (
                WHERE a.attname IN (
                    'person_id', 'person_key', 'resource_key', 'target_key', 'location_key', c.relname || '_key',
                    'chunk_id', 'adjudication_id', 'decided_at', 'measure_id', 'period_start', 'period_end'
                )
            ) AS key_columns
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname IN ('bronze', 'retrieval', 'inference') AND c.relkind IN ('r', 'p')
        GROUP BY n.nspname, c.relname
        HAVING bool_or(a.attname IN ('person_id', 'person_key', 'resource_key'))
    LOOP
        EXECUTE format(
            'GRANT DELETE, SELECT (%s) ON %I.%I TO sanctum_eraser',
            found.key_columns, found.schema_name, found.table_name
        );
    END LOOP;
    -- Dead rows stay in their pages until a vacuum; before PostgreSQL 17 that is left to autovacuum.
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON ALL TABLES IN SCHEMA landing, quarantine, bronze, access, retrieval, inference TO sanctum_eraser';
    END IF;
END
$$;

-- Prompts and chunks are swept without anybody reading another person's: only how many hold one of the words comes back,
-- for words of an erasure under way alone, which the eraser can't write, and with an audit event.
CREATE POLICY owner_sweeps ON landing.erasure_token FOR SELECT TO sanctum_owner USING (true);
CREATE POLICY owner_sweeps ON landing.erasure FOR SELECT TO sanctum_owner USING (true);
CREATE FUNCTION landing.record_sweep(words text[], store text, hits bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    e record;
BEGIN
    IF EXISTS (
        SELECT FROM unnest(words) AS w (word)
        WHERE NOT EXISTS (
            SELECT FROM landing.erasure_token AS t JOIN landing.erasure AS u USING (erasure_id)
            WHERE t.token = w.word AND u.state <> 'verified'
        )
    ) THEN
        RAISE EXCEPTION 'this is no word of an erasure under way' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR e IN
        SELECT u.person_id, u.subject, u.reason_code, count(DISTINCT t.token) AS asked
        FROM landing.erasure_token AS t JOIN landing.erasure AS u USING (erasure_id)
        WHERE t.token = ANY(words) AND u.state <> 'verified'
        GROUP BY u.erasure_id
    LOOP
        PERFORM audit.append(
            e.subject, e.reason_code, 'erase-sweep', e.person_id, store, '{}', hits, jsonb_build_object('words', e.asked)
        );
    END LOOP;
    RETURN hits;
END
$$;
-- Of a word of fewer than four letters no text is anybody's.
CREATE FUNCTION landing.holds_word(content text, words text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM unnest(words) AS w (word) WHERE length(word) >= 4 AND strpos(lower(content), lower(word)) > 0
    )
$$;
CREATE FUNCTION inference.adjudications_holding(words text[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT landing.record_sweep(words, 'inference.adjudication', count(*)) FROM inference.adjudication AS a
    WHERE landing.holds_word(a.prompt, words) OR landing.holds_word(a.completion, words)
$$;
CREATE FUNCTION retrieval.chunks_holding(words text[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT landing.record_sweep(words, 'retrieval.document_chunk', count(*)) FROM retrieval.document_chunk AS c
    WHERE landing.holds_word(c.chunk_text, words)
$$;
CREATE FUNCTION access.reasons_holding(words text[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT landing.record_sweep(words, 'access.emergency_access', count(*)) FROM access.emergency_access AS e
    WHERE landing.holds_word(e.reason, words)
$$;
REVOKE ALL ON FUNCTION
    inference.adjudications_holding, retrieval.chunks_holding, access.reasons_holding, landing.record_sweep,
    landing.holds_word
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    inference.adjudications_holding, retrieval.chunks_holding, access.reasons_holding
TO sanctum_eraser;

-- How long what is kept, as data: a site edits it as the owner. Purging before keep_at_least is refused by triggers.
CREATE SCHEMA retention;
COMMENT ON SCHEMA retention IS 'How long each store is kept, and why.';
CREATE TABLE retention.class (
    store text PRIMARY KEY,
    keep_at_least interval NOT NULL,
    delete_after interval CHECK (delete_after >= keep_at_least),
    basis text NOT NULL
);
COMMENT ON TABLE retention.class IS
'keep_at_least: nothing younger is purged. delete_after: what is older is due; null: nothing ever is.';
INSERT INTO retention.class (store, keep_at_least, delete_after, basis) VALUES
('landing', '10 years', NULL, 'Source of every later table; the state''s law on medical records decides, so a site sets delete_after. Only sanctum erase removes bytes.'),
('quarantine.released', '30 days', '1 year', 'A pointer whose record became usable; kept as long as a load is reviewed.'),
('quarantine.open', '1 year', NULL, 'Work that is not done is never due.'),
('inference.superseded', '90 days', '6 years', 'An answer that a newer one to the same gap replaced; 45 CFR 164.316(b)(2)(i) where a decision rested on it.'),
('inference.current', '6 years', NULL, 'Prompts and completions behind a decision; 45 CFR 164.316(b)(2)(i).'),
('retrieval', '0 days', NULL, 'Derived from notes; goes with them.'),
('audit.event', '6 years', NULL, '45 CFR 164.316(b)(2)(i) and 164.528; a chain of hashes can''t lose a link, so events are never purged.'),
('landing.erasure', '6 years', NULL, 'Proof of erasure and the tombstones that keep it; never due.');
GRANT USAGE ON SCHEMA retention TO sanctum_eraser, sanctum_auditor, sanctum_ingest;
GRANT SELECT ON retention.class TO sanctum_eraser, sanctum_auditor, sanctum_ingest;

-- Answers that a newer one to the same gap replaced; who reads it sees what they may see of the table.
CREATE VIEW retention.superseded_adjudication WITH (security_invoker = true) AS
SELECT old.adjudication_id, old.decided_at
FROM inference.adjudication AS old
WHERE EXISTS (
    SELECT FROM inference.adjudication AS newer
    WHERE
        newer.person_id = old.person_id
        AND newer.measure_id = old.measure_id
        AND newer.period_start = old.period_start
        AND newer.period_end = old.period_end
        AND newer.decided_at > old.decided_at
);
GRANT SELECT ON retention.superseded_adjudication TO sanctum_eraser;

-- The eraser deletes of these tables what a transaction of an erasure asks for, and else only what is old enough: while
-- one person's erasure is under way, nobody else's rows go early.
CREATE FUNCTION retention.refuse_early() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stamp timestamptz := (to_jsonb(OLD) ->> TG_ARGV[1])::timestamptz;
    kept interval;
BEGIN
    IF
        session_user <> 'sanctum_eraser'
        OR (
            current_setting('sanctum.erasing', true) = 'on'
            AND (
                EXISTS (SELECT FROM landing.erasure AS e WHERE e.state <> 'verified')
                OR EXISTS (SELECT FROM landing.redaction_due)
            )
        )
    THEN
        RETURN OLD;
    END IF;
    SELECT c.keep_at_least INTO STRICT kept FROM retention.class AS c WHERE c.store = TG_ARGV[0];
    IF stamp IS NULL OR stamp > now() - kept THEN
        RAISE EXCEPTION 'retention: % is kept for %', TG_ARGV[0], kept USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$;
REVOKE ALL ON FUNCTION retention.refuse_early FROM PUBLIC;
CREATE TRIGGER refuse_early BEFORE DELETE ON quarantine.record
FOR EACH ROW EXECUTE FUNCTION retention.refuse_early('quarantine.released', 'released_at');
CREATE TRIGGER refuse_early BEFORE DELETE ON inference.adjudication
FOR EACH ROW EXECUTE FUNCTION retention.refuse_early('inference.superseded', 'decided_at');

-- What arrived and what bronze holds is for who loads it, who builds from it and who erases it; a grant made by mistake
-- shows no row to anybody else.
DO $$
DECLARE
    target text;
BEGIN
    FOR target IN
        SELECT c.oid::regclass::text FROM pg_class AS c
        WHERE c.relnamespace::regnamespace::text IN ('landing', 'quarantine', 'bronze') AND c.relkind = 'r'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY loads_and_erases ON %s FOR ALL TO sanctum_ingest, sanctum_eraser USING (true) WITH CHECK (true)', target);
        EXECUTE format('CREATE POLICY builds ON %s FOR SELECT TO sanctum_transform USING (true)', target);
    END LOOP;
END
$$;

-- Whether the database is at the code's revision is seen without the owner's login.
GRANT USAGE ON SCHEMA public TO sanctum_ingest;
GRANT SELECT ON public.alembic_version, public.migration_file TO sanctum_ingest;
