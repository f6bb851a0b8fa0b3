-- A caller sees a person's rows after three steps. Sanctum verifies who calls and vouches for it with a keyed hash
-- (access.open), which writes an audit event and gives a ticket. The caller claims the persons whose documents it wants
-- (access.claim), an event each. In a later transaction it enters with the ticket (access.enter), and the policies read
-- it. A ticket or claim counts only once its own transaction is committed, so that a reader who rolls back is on record.
CREATE SCHEMA access;
COMMENT ON SCHEMA access IS 'Who may see whom.';

-- The secret that Sanctum's processes share with the database, as HMAC's two padded keys (RFC 2104).
CREATE TABLE access.identity_key (
    only_row boolean PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    inner_key bytea NOT NULL CHECK (octet_length(inner_key) = 64),
    outer_key bytea NOT NULL CHECK (octet_length(outer_key) = 64)
);

CREATE TABLE access.sensitivity (
    code text PRIMARY KEY,
    requires_consent boolean NOT NULL DEFAULT FALSE,
    closed_to_models boolean NOT NULL DEFAULT FALSE,
    hides_rows boolean NOT NULL DEFAULT TRUE,
    description text NOT NULL
);
COMMENT ON TABLE access.sensitivity IS
'Security labels that hide a row from whoever is not given them (HL7 v3 ActCode, Confidentiality). A site adds rows; a code that is not here hides as UNKNOWN.';
INSERT INTO access.sensitivity (code, requires_consent, closed_to_models, description) VALUES
('42CFRPart2', TRUE, FALSE, 'substance use disorder patient record, 42 CFR Part 2'),
('PSYTHPN', FALSE, TRUE, 'psychotherapy note, 45 CFR 164.501'),
('ETH', FALSE, FALSE, 'substance use'),
('ETHUD', FALSE, FALSE, 'alcohol use disorder'),
('OPIOIDUD', FALSE, FALSE, 'opioid use disorder'),
('HIV', FALSE, FALSE, 'HIV or AIDS'),
('STD', FALSE, FALSE, 'sexually transmitted disease'),
('SDV', FALSE, FALSE, 'sexual assault, abuse or domestic violence'),
('SEX', FALSE, FALSE, 'sexuality and reproductive health'),
('PSY', FALSE, FALSE, 'psychiatric disorder'),
('BH', FALSE, FALSE, 'behavioural health'),
('GDIS', FALSE, FALSE, 'genetic disease'),
('R', FALSE, FALSE, 'confidentiality: restricted'),
('V', FALSE, FALSE, 'confidentiality: very restricted'),
('UNKNOWN', FALSE, FALSE, 'a label of the source that this table does not list');
INSERT INTO access.sensitivity (code, hides_rows, description) VALUES
('U', FALSE, 'confidentiality: unrestricted'),
('L', FALSE, 'confidentiality: low'),
('M', FALSE, 'confidentiality: moderate'),
('N', FALSE, 'confidentiality: normal'),
('HTEST', FALSE, 'test data');

CREATE TABLE access.scope_name (
    scope_name text NOT NULL,
    scope_id bigint NOT NULL,
    PRIMARY KEY (scope_name, scope_id)
);
COMMENT ON TABLE access.scope_name IS
'What a policy calls a care site, care team or provider, as SOURCE_SYSTEM|Type/id, and its key.';

CREATE TABLE access.person_scope (
    person_id bigint NOT NULL,
    scope_id bigint NOT NULL,
    PRIMARY KEY (person_id, scope_id)
);
CREATE INDEX person_scope_scope ON access.person_scope (scope_id, person_id);
COMMENT ON TABLE access.person_scope IS 'Care sites, care teams and providers a person is in the care of; written by dbt.';

CREATE TABLE access.sensitive_row (
    cdm_table text NOT NULL,
    cdm_id bigint NOT NULL,
    person_id bigint NOT NULL,
    sensitivity text[] NOT NULL CHECK (sensitivity <> '{}'),
    PRIMARY KEY (cdm_table, cdm_id)
);
CREATE INDEX sensitive_row_person ON access.sensitive_row (person_id);
COMMENT ON TABLE access.sensitive_row IS
'Labels of rows of omop, which have no column for them; written by dbt. Not listed: not sensitive.';

CREATE TABLE access.consent (
    consent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL,
    code text NOT NULL REFERENCES access.sensitivity,
    decision text NOT NULL CHECK (decision IN ('permit', 'deny')),
    starts_on date NOT NULL,
    ends_on date,
    decided_at timestamptz NOT NULL DEFAULT now(),
    origin text NOT NULL CHECK (origin IN ('source', 'recorded')),
    UNIQUE NULLS NOT DISTINCT (person_id, code, decision, starts_on, ends_on, decided_at, origin)
);
CREATE INDEX consent_person ON access.consent (person_id, code);
COMMENT ON TABLE access.consent IS
'A person''s decisions about sensitive records: the newest in force counts, a denial over a permission of the same time.';

CREATE TABLE access.emergency_access (
    emergency_access_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    person_id bigint NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 1000),
    starts_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    acknowledged_by text,
    acknowledged_at timestamptz
);
CREATE INDEX emergency_access_person ON access.emergency_access (person_id, subject);
COMMENT ON TABLE access.emergency_access IS
'Break-glass: who opened whose record, why and until when (45 CFR 164.312(a)(2)(ii)). An auditor acknowledges each.';

CREATE UNLOGGED TABLE access.ticket (
    ticket_id uuid PRIMARY KEY,
    database_role text NOT NULL,
    subject text NOT NULL,
    purpose text NOT NULL,
    everyone boolean NOT NULL,
    scope_ids bigint[] NOT NULL,
    sensitivities text[] NOT NULL,
    may_break_glass boolean NOT NULL,
    expires_at timestamptz NOT NULL,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ticket_expires ON access.ticket (expires_at);
CREATE UNLOGGED TABLE access.ticket_person (
    ticket_id uuid NOT NULL REFERENCES access.ticket ON DELETE CASCADE,
    person_id bigint NOT NULL,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (ticket_id, person_id)
);
COMMENT ON TABLE access.ticket IS 'Callers under way. A crash of the server empties it: callers open anew.';

CREATE FUNCTION access.keyed_hash(message text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(k.outer_key || sha256(k.inner_key || convert_to(message, 'UTF8'))) FROM access.identity_key AS k
$$;

-- claims: JSON of nonce, role, subject, purpose, everyone, scopes (names), sensitivities, may_break_glass, expires (epoch).
CREATE FUNCTION access.open(claims text, mac bytea) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c jsonb;
    t access.ticket;
BEGIN
    -- Hashed again, so that the time of the comparison tells nothing.
    IF sha256(mac) IS DISTINCT FROM sha256(access.keyed_hash('open ' || claims)) THEN
        RAISE EXCEPTION 'nobody vouches for this caller' USING ERRCODE = 'insufficient_privilege';
    END IF;
    c := claims::jsonb;
    t.ticket_id := (c ->> 'nonce')::uuid;
    t.database_role := session_user;
    t.subject := c ->> 'subject';
    t.purpose := c ->> 'purpose';
    t.everyone := (c ->> 'everyone')::boolean;
    t.may_break_glass := (c ->> 'may_break_glass')::boolean;
    t.expires_at := to_timestamp((c ->> 'expires')::double precision);
    IF t.database_role IS DISTINCT FROM c ->> 'role' OR t.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'this identity is another role''s or has expired' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT coalesce(array_agg(DISTINCT n.scope_id), '{}') INTO t.scope_ids
    FROM access.scope_name AS n
    WHERE n.scope_name IN (SELECT jsonb_array_elements_text(c -> 'scopes'));
    -- What is closed to models is closed to their roles, whatever a policy says.
    SELECT coalesce(array_agg(s.code), '{}') INTO t.sensitivities
    FROM access.sensitivity AS s
    WHERE
        s.code IN (SELECT jsonb_array_elements_text(c -> 'sensitivities'))
        AND NOT (s.closed_to_models AND t.database_role IN ('sanctum_embed', 'sanctum_infer'));
    t.transaction_id := pg_current_xact_id();
    PERFORM audit.append(
        t.subject, t.purpose, 'open', NULL, 'access.ticket', '{}', 0, jsonb_build_object(
            'ticket', t.ticket_id, 'everyone', t.everyone, 'scopes', cardinality(t.scope_ids),
            'sensitivities', array_to_string(t.sensitivities, ' '), 'expires', t.expires_at
        )
    );
    -- A nonce is taken once: the same claims can't be shown twice while they are valid.
    DELETE FROM access.ticket AS old WHERE old.ticket_id IN (
        SELECT gone.ticket_id FROM access.ticket AS gone
        WHERE gone.expires_at < clock_timestamp() - interval '1 hour'
        LIMIT 100 FOR UPDATE SKIP LOCKED
    );
    INSERT INTO access.ticket SELECT (t).*;
    RETURN t.ticket_id;
END
$$;

CREATE FUNCTION access.own_ticket(ticket uuid) RETURNS access.ticket
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket;
BEGIN
    SELECT * INTO t FROM access.ticket AS k
    WHERE
        k.ticket_id = ticket AND k.database_role = session_user AND k.expires_at > statement_timestamp()
        AND k.transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such ticket, or it has expired or is not committed'
        USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN t;
END
$$;

CREATE FUNCTION access.emergency(subject text, person_id bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT max(e.emergency_access_id) FROM access.emergency_access AS e
    WHERE e.subject = emergency.subject AND e.person_id = emergency.person_id AND e.expires_at > statement_timestamp()
$$;

CREATE FUNCTION access.claim(ticket uuid, person_ids bigint[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket := access.own_ticket(ticket);
    granted bigint[] := '{}';
    person bigint;
    glass bigint;
    details jsonb;
BEGIN
    FOREACH person IN ARRAY person_ids LOOP
        details := jsonb_build_object('ticket', t.ticket_id);
        IF NOT t.everyone AND NOT EXISTS (
            SELECT FROM access.person_scope AS s WHERE s.person_id = person AND s.scope_id = ANY(t.scope_ids)
        ) THEN
            glass := access.emergency(t.subject, person);
            IF glass IS NULL THEN
                PERFORM audit.append(t.subject, t.purpose, 'claim-denied', person, 'person', '{}', 0, details);
                CONTINUE;
            END IF;
            details := details || jsonb_build_object('emergency_access', glass);
        END IF;
        PERFORM audit.append(t.subject, t.purpose, 'claim', person, 'person', '{}', 0, details);
        INSERT INTO access.ticket_person (ticket_id, person_id) VALUES (t.ticket_id, person) ON CONFLICT DO NOTHING;
        granted := granted || person;
    END LOOP;
    RETURN granted;
END
$$;

CREATE FUNCTION access.sign_entry(entry text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT entry || '.' || encode(access.keyed_hash(concat_ws(
        '|', 'enter', entry, pg_current_xact_id_if_assigned(), session_user
    )), 'hex')
    WHERE pg_current_xact_id_if_assigned() IS NOT NULL
$$;

-- The setting ends with the transaction. Nobody makes one up: it is signed for this transaction and login.
CREATE FUNCTION access.enter(ticket uuid, person_id bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket := access.own_ticket(ticket);
BEGIN
    IF enter.person_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM access.ticket_person AS p
        WHERE
            p.ticket_id = t.ticket_id AND p.person_id = enter.person_id
            AND p.transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned()
    ) THEN
        RAISE EXCEPTION 'this person is not claimed, or the claim is not committed'
        USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_current_xact_id();
    PERFORM set_config('sanctum.entry', access.sign_entry(concat_ws('/', t.ticket_id, enter.person_id)), true);
END
$$;

-- What this transaction entered with; all null without a ticket or after its time.
CREATE FUNCTION access.entered(
    OUT ticket_id uuid, OUT person_id bigint, OUT everyone boolean, OUT scope_ids bigint[], OUT sensitivities text[]
) RETURNS record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.ticket_id, nullif(split_part(s.entry, '/', 2), '')::bigint, t.everyone, t.scope_ids, t.sensitivities
    FROM (
        SELECT
            current_setting('sanctum.entry', true) AS signed,
            split_part(current_setting('sanctum.entry', true), '.', 1) AS entry
    ) AS s
    CROSS JOIN LATERAL (
        -- Only what is signed is cast: anything else may be no UUID.
        SELECT k.* FROM access.ticket AS k
        WHERE k.ticket_id = CASE WHEN s.signed = access.sign_entry(s.entry) THEN split_part(s.entry, '/', 1)::uuid END
    ) AS t
    WHERE t.expires_at > statement_timestamp()
$$;

CREATE FUNCTION access.person_id() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT e.person_id FROM access.entered() AS e $$;

CREATE FUNCTION access.is_open() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT e.ticket_id IS NOT NULL FROM access.entered() AS e $$;

CREATE FUNCTION access.sees_everyone() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(e.everyone, FALSE) FROM access.entered() AS e $$;

CREATE FUNCTION access.scope_ids() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(e.scope_ids, '{}') FROM access.entered() AS e $$;

-- Whether the caller may see a row that carries these labels: it was given each, and where one needs the person's
-- consent, there is consent in force.
CREATE FUNCTION access.may_see(person_id bigint, codes text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        codes <@ coalesce((SELECT e.sensitivities FROM access.entered() AS e), '{}')
        AND NOT EXISTS (
            SELECT FROM access.sensitivity AS s
            WHERE s.code = ANY(codes) AND s.requires_consent AND (
                SELECT c.decision FROM access.consent AS c
                WHERE
                    c.person_id = may_see.person_id AND c.code = s.code
                    -- The day in UTC: current_date is what the caller's time zone says.
                    AND (statement_timestamp() AT TIME ZONE 'UTC')::date
                    BETWEEN c.starts_on AND coalesce(c.ends_on, 'infinity')
                ORDER BY c.decided_at DESC, c.decision ASC
                LIMIT 1
            ) IS DISTINCT FROM 'permit'
        )
$$;

CREATE FUNCTION access.may_see_row(cdm_table text, cdm_id bigint, person_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    codes text[];
BEGIN
    SELECT r.sensitivity INTO codes FROM access.sensitive_row AS r
    WHERE r.cdm_table = may_see_row.cdm_table AND r.cdm_id = may_see_row.cdm_id;
    RETURN codes IS NULL OR access.may_see(may_see_row.person_id, codes);
END
$$;

CREATE FUNCTION access.closed_to_models(cdm_table text, cdm_id bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM access.sensitive_row AS r JOIN access.sensitivity AS s ON s.code = ANY(r.sensitivity)
        WHERE r.cdm_table = closed_to_models.cdm_table AND r.cdm_id = closed_to_models.cdm_id AND s.closed_to_models
    )
$$;

-- Who entered writes its events under its own name: the ticket's subject and purpose.
CREATE FUNCTION access.record(
    action text, person_id bigint, object_kind text, object_ids bigint[], row_count bigint, details jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket;
BEGIN
    SELECT k.* INTO t FROM access.entered() AS e JOIN access.ticket AS k USING (ticket_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'enter with a ticket before recording' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM audit.append(t.subject, t.purpose, action, person_id, object_kind, object_ids, row_count, details);
END
$$;

CREATE FUNCTION access.break_glass(ticket uuid, person_id bigint, reason text, minutes integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket := access.own_ticket(ticket);
    glass bigint;
BEGIN
    IF NOT t.may_break_glass OR minutes NOT BETWEEN 1 AND 240 THEN
        PERFORM audit.append(t.subject, t.purpose, 'break-glass-denied', person_id, 'person', '{}', 0, '{}');
        RETURN NULL;
    END IF;
    INSERT INTO access.emergency_access (subject, person_id, reason, starts_at, expires_at)
    VALUES (t.subject, person_id, reason, clock_timestamp(), clock_timestamp() + minutes * interval '1 minute')
    RETURNING emergency_access_id INTO glass;
    PERFORM audit.append(
        t.subject, t.purpose, 'break-glass', person_id, 'access.emergency_access', ARRAY[glass], 1, jsonb_build_object(
            'minutes', minutes, 'reason_sha256', encode(sha256(convert_to(reason, 'UTF8')), 'hex')
        )
    );
    PERFORM pg_notify('sanctum_alert', 'break-glass ' || glass);
    RETURN glass;
END
$$;

CREATE FUNCTION access.acknowledge(emergency_access_id bigint, subject text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    person bigint;
BEGIN
    UPDATE access.emergency_access AS e SET acknowledged_by = acknowledge.subject, acknowledged_at = clock_timestamp()
    WHERE
        e.emergency_access_id = acknowledge.emergency_access_id AND e.acknowledged_at IS NULL
        AND e.subject <> acknowledge.subject
    RETURNING e.person_id INTO person;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    PERFORM audit.append(
        acknowledge.subject, 'access-review', 'acknowledge', person, 'access.emergency_access',
        ARRAY[acknowledge.emergency_access_id], 1, '{}'
    );
    RETURN TRUE;
END
$$;

-- A decision of the claimed person, recorded by who entered; it counts from the next statement on.
CREATE FUNCTION access.record_consent(code text, decision text, starts_on date, ends_on date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    person bigint := access.person_id();
    made bigint;
BEGIN
    IF person IS NULL THEN
        RAISE EXCEPTION 'claim and enter the person first' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO access.consent (person_id, code, decision, starts_on, ends_on, decided_at, origin)
    VALUES (person, record_consent.code, record_consent.decision, record_consent.starts_on, record_consent.ends_on,
        clock_timestamp(), 'recorded')
    RETURNING consent_id INTO made;
    PERFORM access.record('consent-' || record_consent.decision, person, 'access.consent', ARRAY[made], 1,
        jsonb_build_object('code', record_consent.code));
    RETURN made;
END
$$;

-- The one place that says who sees which row of a table with persons. Called by a migration or by dbt, as the table's
-- owner, each time the table is made. Sub-selects make each claim a constant of the statement, so indexes serve.
CREATE FUNCTION access.guard(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns text[];
    name text;
    maker text;
    key text;
    rule text;
    policy text;
BEGIN
    SELECT array_agg(a.attname::text) INTO columns FROM pg_attribute AS a
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped;
    SELECT c.relname, r.rolname INTO name, maker FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
    WHERE c.oid = target;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    FOR policy IN SELECT p.polname FROM pg_policy AS p WHERE p.polrelid = target LOOP
        EXECUTE format('DROP POLICY %I ON %s', policy, target);
    END LOOP;
    EXECUTE format('CREATE POLICY maker ON %s FOR ALL TO %I USING (true) WITH CHECK (true)', target, maker);
    EXECUTE format('CREATE POLICY eraser ON %s FOR ALL TO sanctum_eraser USING (true)', target);
    IF NOT 'person_id' = ANY(columns) THEN
        RETURN;
    END IF;
    rule := '(SELECT access.is_open()) AND ((SELECT access.sees_everyone()) OR person_id = (SELECT access.person_id()) '
        'OR EXISTS (SELECT FROM access.person_scope AS scope WHERE scope.person_id = ' || quote_ident(name) || '.person_id '
        'AND scope.scope_id = ANY((SELECT access.scope_ids())::bigint[])))';
    key := CASE WHEN name = 'death' THEN 'person_id' ELSE name || '_id' END;
    IF 'sensitivity' = ANY(columns) THEN
        rule := rule || ' AND (sensitivity = ''{}'' OR access.may_see(person_id, sensitivity))';
    ELSIF 'cdm_id' = ANY(columns) THEN
        rule := rule || ' AND access.may_see_row(cdm_table, cdm_id, person_id)';
    ELSIF key = ANY(columns) THEN
        rule := rule || format(' AND access.may_see_row(%L, %I, person_id)', name, key);
    END IF;
    EXECUTE format('CREATE POLICY callers ON %s FOR SELECT TO sanctum_infer, sanctum_reviewer USING (%s)', target, rule);
    IF 'note_text' = ANY(columns) THEN
        EXECUTE format(
            'CREATE POLICY embedder ON %s FOR SELECT TO sanctum_embed '
            'USING ((SELECT access.sees_everyone()) AND NOT access.closed_to_models(''note'', note_id))', target
        );
    END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
GRANT USAGE ON SCHEMA access TO
    sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor, sanctum_eraser;
GRANT EXECUTE ON FUNCTION
    access.open, access.claim, access.enter, access.record, access.person_id, access.is_open, access.sees_everyone,
    access.scope_ids, access.may_see, access.may_see_row, access.closed_to_models
TO sanctum_embed, sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.break_glass TO sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.record_consent TO sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.acknowledge TO sanctum_auditor;
GRANT EXECUTE ON FUNCTION access.guard TO sanctum_transform;
-- Callers write events under their ticket's name only.
REVOKE EXECUTE ON FUNCTION audit.append FROM sanctum_embed, sanctum_infer, sanctum_reviewer;

GRANT SELECT, INSERT, DELETE ON
    access.scope_name, access.person_scope, access.sensitive_row, access.consent
TO sanctum_transform;
GRANT SELECT ON access.sensitivity TO sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor;
GRANT SELECT ON access.person_scope TO sanctum_infer, sanctum_reviewer;
GRANT SELECT ON access.sensitive_row TO sanctum_embed;
GRANT SELECT ON access.consent TO sanctum_reviewer, sanctum_auditor;
GRANT SELECT ON access.emergency_access TO sanctum_auditor;

-- Functions of this schema run as the owner, who reads what they decide by.
DO $$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['person_scope', 'sensitive_row', 'consent', 'emergency_access'] LOOP
        EXECUTE format('ALTER TABLE access.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY decides ON access.%I FOR ALL TO sanctum_owner USING (true) WITH CHECK (true)', target);
        EXECUTE format('CREATE POLICY eraser ON access.%I FOR ALL TO sanctum_eraser USING (true)', target);
    END LOOP;
    FOREACH target IN ARRAY ARRAY['person_scope', 'sensitive_row'] LOOP
        EXECUTE format('CREATE POLICY builder ON access.%I FOR ALL TO sanctum_transform USING (true) WITH CHECK (true)', target);
    END LOOP;
END
$$;
CREATE POLICY builder ON access.consent FOR ALL TO sanctum_transform USING (origin = 'source') WITH CHECK (origin = 'source');
CREATE POLICY one_person ON access.consent FOR SELECT TO sanctum_reviewer USING (person_id = (SELECT access.person_id()));
CREATE POLICY review ON access.consent FOR SELECT TO sanctum_auditor USING (true);
CREATE POLICY review ON access.emergency_access FOR SELECT TO sanctum_auditor USING (true);
CREATE POLICY callers ON access.person_scope FOR SELECT TO sanctum_infer, sanctum_reviewer
USING (scope_id = ANY((SELECT access.scope_ids())::bigint[]));
CREATE POLICY embedder ON access.sensitive_row FOR SELECT TO sanctum_embed USING (cdm_table = 'note');
