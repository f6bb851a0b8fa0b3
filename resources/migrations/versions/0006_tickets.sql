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
    code_system text NOT NULL,
    requires_consent boolean NOT NULL DEFAULT FALSE,
    closed_to_models boolean NOT NULL DEFAULT FALSE,
    hides_rows boolean NOT NULL DEFAULT TRUE,
    description text NOT NULL
);
COMMENT ON TABLE access.sensitivity IS
'Security labels that hide a row from whoever is not given them (HL7 v3 ActCode, Confidentiality). A site adds rows; a code that is not here hides as UNKNOWN. To open something, by hides_rows FALSE or a consent, a label must be of code_system; to hide, the code is enough.';
INSERT INTO access.sensitivity (code, code_system, requires_consent, closed_to_models, description) VALUES
('42CFRPart2', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', TRUE, FALSE, 'substance use disorder patient record, 42 CFR Part 2'),
('PSYTHPN', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, TRUE, 'psychotherapy note, 45 CFR 164.501'),
('ETH', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'substance use'),
('ETHUD', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'alcohol use disorder'),
('OPIOIDUD', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'opioid use disorder'),
('HIV', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'HIV or AIDS'),
('STD', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'sexually transmitted disease'),
('SDV', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'sexual assault, abuse or domestic violence'),
('SEX', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'sexuality and reproductive health'),
('PSY', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'psychiatric disorder'),
('BH', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'behavioural health'),
('GDIS', 'http://terminology.hl7.org/CodeSystem/v3-ActCode', FALSE, FALSE, 'genetic disease'),
('R', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', FALSE, FALSE, 'confidentiality: restricted'),
('V', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', FALSE, FALSE, 'confidentiality: very restricted'),
('UNKNOWN', 'urn:sanctum', FALSE, FALSE, 'a label of the source that this table does not list');
INSERT INTO access.sensitivity (code, code_system, hides_rows, description) VALUES
('U', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', FALSE, 'confidentiality: unrestricted'),
('L', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', FALSE, 'confidentiality: low'),
('M', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', FALSE, 'confidentiality: moderate'),
('N', 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', FALSE, 'confidentiality: normal'),
('HTEST', 'http://terminology.hl7.org/CodeSystem/v3-ActReason', FALSE, 'test data');

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
    recorded_of bigint,
    UNIQUE NULLS NOT DISTINCT (person_id, code, decision, starts_on, ends_on, decided_at, origin, recorded_of)
);
CREATE INDEX consent_person ON access.consent (person_id, code);
COMMENT ON COLUMN access.consent.recorded_of IS
'Of whom it was recorded, where a merge has moved it to another since: an unmerge brings it back.';
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
    acknowledged_at timestamptz,
    recorded_of bigint
);
COMMENT ON COLUMN access.emergency_access.recorded_of IS 'As in access.consent.';
CREATE INDEX emergency_access_person ON access.emergency_access (person_id, subject);
COMMENT ON TABLE access.emergency_access IS
'Break-glass: who opened whose record, why and until when (45 CFR 164.312(a)(2)(ii)). An auditor acknowledges each.';

-- Who reads a ticket's hash, here or in the audit log, can't enter with it; nor can another connection with the ticket.
CREATE UNLOGGED TABLE access.ticket (
    ticket_sha256 bytea PRIMARY KEY,
    backend_pid integer NOT NULL,
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
CREATE INDEX ticket_backend ON access.ticket (backend_pid);
CREATE UNLOGGED TABLE access.ticket_person (
    ticket_sha256 bytea NOT NULL REFERENCES access.ticket ON DELETE CASCADE,
    person_id bigint NOT NULL,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (ticket_sha256, person_id)
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
    t.ticket_sha256 := sha256(uuid_send((c ->> 'nonce')::uuid));
    t.backend_pid := pg_backend_pid();
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
            'ticket_sha256', encode(t.ticket_sha256, 'hex'), 'everyone', t.everyone, 'scopes', cardinality(t.scope_ids),
            'sensitivities', array_to_string(t.sensitivities, ' '), 'expires', t.expires_at
        )
    );
    -- A connection has one caller at a time: whoever it was before has no ticket any more.
    DELETE FROM access.ticket AS old WHERE old.ticket_sha256 IN (
        SELECT gone.ticket_sha256 FROM access.ticket AS gone
        WHERE
            gone.expires_at < clock_timestamp() - interval '1 hour'
            OR (gone.backend_pid = t.backend_pid AND gone.ticket_sha256 <> t.ticket_sha256)
        LIMIT 100 FOR UPDATE SKIP LOCKED
    );
    -- A nonce is taken once: the same claims can't be shown twice while they are valid.
    INSERT INTO access.ticket SELECT (t).*;
    RETURN (c ->> 'nonce')::uuid;
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
        k.ticket_sha256 = sha256(uuid_send(ticket)) AND k.backend_pid = pg_backend_pid()
        AND k.database_role = session_user AND k.expires_at > statement_timestamp()
        AND k.transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such ticket of this connection, or it has expired or is not committed'
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

-- Asked at each claim, entry and statement: an emergency ends, and a person leaves the care of a site.
CREATE FUNCTION access.may_claim(
    subject text, everyone boolean, scope_ids bigint[], person_id bigint
) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        may_claim.everyone
        OR EXISTS (
            SELECT FROM access.person_scope AS s
            WHERE s.person_id = may_claim.person_id AND s.scope_id = ANY(may_claim.scope_ids)
        )
        OR access.emergency(may_claim.subject, may_claim.person_id) IS NOT NULL
$$;

CREATE FUNCTION access.claim(ticket uuid, person_ids bigint[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket := access.own_ticket(ticket);
    granted bigint[] := '{}';
    person bigint;
    details jsonb;
BEGIN
    FOREACH person IN ARRAY person_ids LOOP
        details := jsonb_build_object('ticket_sha256', encode(t.ticket_sha256, 'hex'));
        IF NOT access.may_claim(t.subject, t.everyone, t.scope_ids, person) THEN
            PERFORM audit.append(t.subject, t.purpose, 'claim-denied', person, 'person', '{}', 0, details);
            CONTINUE;
        END IF;
        -- No emergency counts for whoever may claim without one.
        IF NOT access.may_claim(NULL, t.everyone, t.scope_ids, person) THEN
            details := details || jsonb_build_object('emergency_access', access.emergency(t.subject, person));
        END IF;
        PERFORM audit.append(t.subject, t.purpose, 'claim', person, 'person', '{}', 0, details);
        INSERT INTO access.ticket_person (ticket_sha256, person_id) VALUES (t.ticket_sha256, person) ON CONFLICT DO NOTHING;
        granted := granted || person;
    END LOOP;
    RETURN granted;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
GRANT USAGE ON SCHEMA access TO
    sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor, sanctum_eraser;
GRANT EXECUTE ON FUNCTION access.claim TO sanctum_embed, sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.open TO sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor;
-- Callers write events under their ticket's name only.
REVOKE EXECUTE ON FUNCTION audit.append FROM sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor;
