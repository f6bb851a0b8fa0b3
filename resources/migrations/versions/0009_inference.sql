CREATE TABLE inference.model (
    model_sha256 text PRIMARY KEY,
    model_name text NOT NULL,
    engine text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE inference.adjudication (
    adjudication_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL,
    measure_id text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    prompt text NOT NULL,
    prompt_sha256 text NOT NULL,
    prompt_version text NOT NULL,
    model_sha256 text NOT NULL REFERENCES inference.model,
    completion text NOT NULL,
    decision text NOT NULL CHECK (decision IN ('closes_gap', 'does_not_close_gap', 'insufficient_evidence')),
    prompt_tokens integer NOT NULL,
    completion_tokens integer NOT NULL,
    latency_ms double precision NOT NULL,
    sensitivity text[] NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (person_id, measure_id, period_start, period_end, prompt_sha256, model_sha256),
    UNIQUE (adjudication_id, person_id)
);
COMMENT ON TABLE inference.adjudication IS
'One answer of one model to one prompt about one gap. The same prompt is not asked of the same model twice.';
COMMENT ON COLUMN inference.adjudication.sensitivity IS
'Labels of the gap and of every sentence of the prompt: prompt and answer are as sensitive as what they were made of.';
COMMENT ON COLUMN inference.adjudication.latency_ms IS 'Milliseconds from handing the request to the engine to its last token.';

CREATE TABLE inference.adjudication_evidence (
    adjudication_id bigint NOT NULL,
    person_id bigint NOT NULL,
    sentence_id text NOT NULL,
    chunk_id bigint NOT NULL,
    note_id bigint NOT NULL,
    chunk_text_sha256 text NOT NULL,
    cited boolean NOT NULL,
    sensitivity text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (adjudication_id, sentence_id),
    FOREIGN KEY (adjudication_id, person_id) REFERENCES inference.adjudication (adjudication_id, person_id)
    ON DELETE CASCADE
);
CREATE INDEX adjudication_evidence_person ON inference.adjudication_evidence (person_id);
CREATE INDEX adjudication_evidence_note ON inference.adjudication_evidence (note_id);
COMMENT ON TABLE inference.adjudication_evidence IS
'Every sentence that was in the prompt under its id, and whether the answer cites it.';

DO $$
DECLARE
    table_name text;
    rule text := 'person_id = (SELECT access.person_id()) AND (sensitivity = ''{}'' OR access.may_see(person_id, sensitivity))';
BEGIN
    FOREACH table_name IN ARRAY ARRAY['adjudication', 'adjudication_evidence'] LOOP
        EXECUTE format('ALTER TABLE inference.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE inference.%I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY one_person ON inference.%I FOR SELECT TO sanctum_infer, sanctum_reviewer USING (%s)', table_name, rule);
        EXECUTE format('CREATE POLICY writes ON inference.%I FOR INSERT TO sanctum_infer WITH CHECK (%s)', table_name, rule);
        EXECUTE format('CREATE POLICY eraser ON inference.%I FOR ALL TO sanctum_eraser USING (true)', table_name);
        -- What counts and copies labels runs as the owner and gives out no content.
        EXECUTE format('CREATE POLICY owner_counts ON inference.%I FOR SELECT TO sanctum_owner USING (true)', table_name);
        EXECUTE format('CREATE POLICY owner_labels ON inference.%I FOR UPDATE TO sanctum_owner USING (true)', table_name);
    END LOOP;
END
$$;

-- Evidence carries the labels of its sentence and of that one's note, and the decision those of all its evidence, whoever
-- writes them and also when a note is labelled later.
CREATE FUNCTION inference.inherit_sensitivity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_there boolean;
BEGIN
    -- What was in the prompt must still be there to tell its labels: otherwise the decision is not kept.
    SELECT c.sensitivity INTO NEW.sensitivity FROM retrieval.document_chunk AS c
    WHERE
        c.chunk_id = NEW.chunk_id AND c.note_id = NEW.note_id AND c.person_id = NEW.person_id
        AND c.text_sha256 = NEW.chunk_text_sha256
    FOR SHARE;
    is_there := FOUND;
    NEW.sensitivity := ARRAY(
        SELECT unnest(NEW.sensitivity)
        UNION
        SELECT unnest(r.sensitivity) FROM access.sensitive_row AS r
        WHERE r.cdm_table = 'note' AND r.cdm_id = NEW.note_id
        ORDER BY 1
    );
    IF NOT is_there OR (NEW.sensitivity <> '{}' AND NOT access.may_see(NEW.person_id, NEW.sensitivity)) THEN
        RAISE EXCEPTION 'sentence % is not this person''s, or changed since it was read', NEW.chunk_id
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE inference.adjudication AS a
    SET sensitivity = ARRAY(SELECT unnest(a.sensitivity) UNION SELECT unnest(NEW.sensitivity) ORDER BY 1)
    WHERE a.adjudication_id = NEW.adjudication_id AND NOT a.sensitivity @> NEW.sensitivity;
    RETURN NEW;
END
$$;
CREATE TRIGGER evidence_inherits BEFORE INSERT ON inference.adjudication_evidence
FOR EACH ROW EXECUTE FUNCTION inference.inherit_sensitivity();

-- By note, not by chunk: a chunk is gone once its note is cut anew, and what was asked about it stays.
CREATE FUNCTION inference.label_evidence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE inference.adjudication_evidence AS e
    SET sensitivity = ARRAY(SELECT unnest(e.sensitivity) UNION SELECT unnest(NEW.sensitivity) ORDER BY 1)
    WHERE e.note_id = NEW.cdm_id AND NOT e.sensitivity @> NEW.sensitivity;
    UPDATE inference.adjudication AS a
    SET sensitivity = ARRAY(SELECT unnest(a.sensitivity) UNION SELECT unnest(NEW.sensitivity) ORDER BY 1)
    WHERE
        NOT a.sensitivity @> NEW.sensitivity
        AND a.adjudication_id IN (
            SELECT e.adjudication_id FROM inference.adjudication_evidence AS e WHERE e.note_id = NEW.cdm_id
        );
    RETURN NULL;
END
$$;
CREATE TRIGGER evidence_is_labelled AFTER INSERT OR UPDATE OF sensitivity ON access.sensitive_row
FOR EACH ROW WHEN (NEW.cdm_table = 'note') EXECUTE FUNCTION inference.label_evidence();
REVOKE ALL ON FUNCTION inference.inherit_sensitivity, inference.label_evidence FROM PUBLIC;

GRANT SELECT, INSERT ON inference.model, inference.adjudication, inference.adjudication_evidence TO sanctum_infer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA inference TO sanctum_infer;
GRANT SELECT ON inference.adjudication, inference.adjudication_evidence, inference.model TO sanctum_reviewer;

-- Counts by measure and decision for operators and checks: no person, no text.
CREATE FUNCTION inference.adjudication_counts()
RETURNS TABLE (measure_id text, decision text, adjudications bigint, prompt_tokens bigint, completion_tokens bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.measure_id, a.decision, count(*), sum(a.prompt_tokens), sum(a.completion_tokens)
    FROM inference.adjudication AS a GROUP BY a.measure_id, a.decision
$$;
REVOKE ALL ON FUNCTION inference.adjudication_counts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inference.adjudication_counts TO sanctum_infer, sanctum_reviewer, sanctum_auditor;

-- An answer about a gap that is labelled later is as sensitive as the gap is now; dbt says so for each labelled gap.
CREATE FUNCTION inference.label_answers(
    person_id bigint, measure_id text, period_start date, sensitivity text[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE inference.adjudication AS a
    SET sensitivity = ARRAY(
        SELECT unnest(a.sensitivity) UNION SELECT unnest(label_answers.sensitivity) ORDER BY 1
    )
    WHERE
        a.person_id = label_answers.person_id AND a.measure_id = label_answers.measure_id
        AND a.period_start = label_answers.period_start AND NOT a.sensitivity @> label_answers.sensitivity
$$;
REVOKE ALL ON FUNCTION inference.label_answers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inference.label_answers TO sanctum_transform;

-- What this model decided of this prompt, also where the answer hides: labels of answers stay when those of notes go, and
-- who can put the same prompt together has seen what it is made of.
CREATE FUNCTION inference.known_decision(
    person_id bigint, measure_id text, period_start date, period_end date, prompt_sha256 text, model_sha256 text
) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.decision FROM inference.adjudication AS a
    WHERE
        a.person_id = known_decision.person_id AND a.measure_id = known_decision.measure_id
        AND a.period_start = known_decision.period_start AND a.period_end = known_decision.period_end
        AND a.prompt_sha256 = known_decision.prompt_sha256 AND a.model_sha256 = known_decision.model_sha256
        AND a.person_id = access.person_id()
$$;
REVOKE ALL ON FUNCTION inference.known_decision FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inference.known_decision TO sanctum_infer;

-- Labels are copied by triggers; this counts what they missed.
CREATE FUNCTION inference.unlabelled_adjudications() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(DISTINCT a.adjudication_id)
    FROM inference.adjudication AS a
    JOIN inference.adjudication_evidence AS e USING (adjudication_id)
    JOIN access.sensitive_row AS r ON r.cdm_table = 'note' AND r.cdm_id = e.note_id
    WHERE NOT e.sensitivity @> r.sensitivity OR NOT a.sensitivity @> r.sensitivity
$$;
COMMENT ON FUNCTION inference.unlabelled_adjudications IS
'How many decisions lack a sensitivity label of a note that was in their prompt.';
REVOKE ALL ON FUNCTION inference.unlabelled_adjudications FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inference.unlabelled_adjudications TO sanctum_infer, sanctum_auditor;

-- A prompt lists its sentences as lines "S1 (date): …".
CREATE FUNCTION inference.unfounded_adjudications() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*) FROM inference.adjudication AS a
    WHERE
        EXISTS (
            SELECT FROM inference.adjudication_evidence AS e
            WHERE e.adjudication_id = a.adjudication_id
                AND e.cited AND strpos(a.prompt, E'\n' || e.sentence_id || ' (') = 0
        )
        OR (a.decision = 'insufficient_evidence') = EXISTS (
            SELECT FROM inference.adjudication_evidence AS e
            WHERE e.adjudication_id = a.adjudication_id AND e.cited
        )
$$;
COMMENT ON FUNCTION inference.unfounded_adjudications IS
'How many decisions cite a sentence that was not in their prompt, or cite nothing although they rest on something.';
REVOKE ALL ON FUNCTION inference.unfounded_adjudications FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inference.unfounded_adjudications TO sanctum_infer, sanctum_auditor;
