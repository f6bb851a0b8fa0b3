-- What a caller sees: the transaction it entered with a ticket, its claims, and the policies that read them.
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
            p.ticket_sha256 = t.ticket_sha256 AND p.person_id = enter.person_id
            AND p.transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned()
            AND access.may_claim(t.subject, t.everyone, t.scope_ids, p.person_id)
    ) THEN
        RAISE EXCEPTION 'this person is not claimed, or the claim is not committed or holds no more'
        USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_current_xact_id();
    PERFORM set_config(
        'sanctum.entry',
        access.sign_entry(concat_ws('/', encode(t.ticket_sha256, 'hex'), enter.person_id)),
        true
    );
END
$$;

-- What this transaction entered with; all null without a ticket or after its time.
CREATE FUNCTION access.entered(
    OUT subject text, OUT purpose text, OUT person_id bigint, OUT everyone boolean, OUT scope_ids bigint[],
    OUT sensitivities text[]
) RETURNS record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        t.subject, t.purpose, nullif(split_part(s.entry, '/', 2), '')::bigint, t.everyone, t.scope_ids, t.sensitivities
    FROM (
        SELECT
            current_setting('sanctum.entry', true) AS signed,
            split_part(current_setting('sanctum.entry', true), '.', 1) AS entry
    ) AS s
    CROSS JOIN LATERAL (
        -- Only what is signed is decoded: anything else may be no hexadecimal.
        SELECT k.* FROM access.ticket AS k
        WHERE
            k.ticket_sha256
            = CASE WHEN s.signed = access.sign_entry(s.entry) THEN decode(split_part(s.entry, '/', 1), 'hex') END
    ) AS t
    WHERE t.expires_at > statement_timestamp()
$$;

CREATE FUNCTION access.person_id() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.person_id FROM access.entered() AS e
    WHERE e.person_id IS NOT NULL AND access.may_claim(e.subject, e.everyone, e.scope_ids, e.person_id)
$$;

CREATE FUNCTION access.is_open() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT e.subject IS NOT NULL FROM access.entered() AS e $$;

CREATE FUNCTION access.sees_everyone() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(e.everyone, FALSE) FROM access.entered() AS e $$;

CREATE FUNCTION access.scope_ids() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(e.scope_ids, '{}') FROM access.entered() AS e $$;

-- Whether a person is among those whom the caller sees now.
CREATE FUNCTION access.in_view(person_id bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(bool_or(
        access.may_claim(NULL, e.everyone, e.scope_ids, in_view.person_id) OR in_view.person_id = access.person_id()
    ), FALSE)
    FROM access.entered() AS e
$$;

-- Whether the caller may see a row of a person in its view that carries these labels: it was given each, the person
-- denies none, and where one needs the person's consent, there is consent in force. Of anybody else it says no.
CREATE FUNCTION access.may_see(person_id bigint, codes text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM access.entered() AS e
        WHERE
            codes <@ e.sensitivities
            AND access.in_view(may_see.person_id)
            AND NOT EXISTS (
                SELECT FROM access.sensitivity AS s
                WHERE s.code = ANY(codes) AND coalesce((
                    SELECT c.decision FROM access.consent AS c
                    WHERE
                        c.person_id = may_see.person_id AND c.code = s.code
                        -- The day in UTC: current_date is what the caller's time zone says.
                        AND (statement_timestamp() AT TIME ZONE 'UTC')::date
                        BETWEEN c.starts_on AND coalesce(c.ends_on, 'infinity')
                    ORDER BY c.decided_at DESC, c.decision ASC
                    LIMIT 1
                ), CASE WHEN s.requires_consent THEN 'deny' ELSE 'permit' END) <> 'permit'
            )
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

-- Notes of the claimed person that the caller may not see.
CREATE FUNCTION access.hidden_notes() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(r.cdm_id), '{}') FROM access.sensitive_row AS r
    WHERE
        r.person_id = access.person_id() AND r.cdm_table = 'note'
        AND NOT access.may_see(r.person_id, r.sensitivity)
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
CREATE FUNCTION access.append_own(
    action text, person_id bigint, object_kind text, object_ids bigint[], row_count bigint, details jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    e record;
BEGIN
    SELECT * INTO e FROM access.entered();
    IF e.subject IS NULL THEN
        RAISE EXCEPTION 'enter with a ticket before recording' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM audit.append(e.subject, e.purpose, action, person_id, object_kind, object_ids, row_count, details);
END
$$;

-- Each login writes of what it does and of persons in its view; an auditor, who sees no person's rows, of anybody.
CREATE FUNCTION access.record(
    action text, person_id bigint, object_kind text, object_ids bigint[], row_count bigint, details jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF
        record.action <> ALL(CASE session_user
            WHEN 'sanctum_embed' THEN ARRAY['read', 'embed']
            WHEN 'sanctum_infer' THEN ARRAY['read', 'model-call']
            WHEN 'sanctum_auditor' THEN
                ARRAY['disclosure-accounting', 'export', 'restore-signed-heads', 'emergency-review']
            ELSE ARRAY['read']
        END)
        OR (
            record.person_id IS NOT NULL AND session_user <> 'sanctum_auditor' AND NOT access.in_view(record.person_id)
        )
    THEN
        RAISE EXCEPTION 'this caller does no such thing, or does not see this person'
        USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM access.append_own(action, person_id, object_kind, object_ids, row_count, details);
END
$$;

-- An event for each of many persons.
CREATE FUNCTION access.record_each(
    action text, object_kind text, person_ids bigint[], row_counts bigint[], details jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    FOR i IN 1..cardinality(person_ids) LOOP
        PERFORM access.record(action, person_ids[i], object_kind, '{}', row_counts[i], details);
    END LOOP;
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

CREATE FUNCTION access.acknowledge(ticket uuid, emergency_access_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket := access.own_ticket(ticket);
    person bigint;
BEGIN
    UPDATE access.emergency_access AS e SET acknowledged_by = t.subject, acknowledged_at = clock_timestamp()
    WHERE
        e.emergency_access_id = acknowledge.emergency_access_id AND e.acknowledged_at IS NULL
        AND e.subject <> t.subject
    RETURNING e.person_id INTO person;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    PERFORM audit.append(
        t.subject, t.purpose, 'acknowledge', person, 'access.emergency_access',
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
    PERFORM access.append_own('consent-' || record_consent.decision, person, 'access.consent', ARRAY[made], 1,
        jsonb_build_object('code', record_consent.code));
    RETURN made;
END
$$;

-- For checks: which emergency accesses nobody has acknowledged.
CREATE FUNCTION access.emergencies_waiting() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.emergency_access_id FROM access.emergency_access AS e WHERE e.acknowledged_at IS NULL ORDER BY 1
$$;

-- Of whom something was recorded here, be they one with others by now or not.
CREATE FUNCTION access.recorded_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(c.recorded_of, c.person_id) FROM access.consent AS c WHERE c.origin = 'recorded'
    UNION
    SELECT coalesce(e.recorded_of, e.person_id) FROM access.emergency_access AS e
$$;

-- What was recorded here of a person who turned out to be another goes with them, and comes back when it turns out that
-- they are two: recorded and present ids, in pairs. Of whom no source says anything any more it stays where it is.
CREATE FUNCTION access.follow_merges(recorded_ids bigint[], person_ids bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE access.consent AS c SET person_id = m.person_id, recorded_of = m.recorded_id
    FROM unnest(recorded_ids, person_ids) AS m (recorded_id, person_id)
    WHERE coalesce(c.recorded_of, c.person_id) = m.recorded_id AND c.origin = 'recorded' AND c.person_id <> m.person_id;
    UPDATE access.emergency_access AS e SET person_id = m.person_id, recorded_of = m.recorded_id
    FROM unnest(recorded_ids, person_ids) AS m (recorded_id, person_id)
    WHERE coalesce(e.recorded_of, e.person_id) = m.recorded_id AND e.person_id <> m.person_id
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
    label text := 'access.may_see_row(''person'', person_id, person_id)';
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
    rule := '((SELECT access.sees_everyone()) OR person_id = (SELECT access.person_id()) '
        -- The policy of person_scope shows the caller's own scopes only.
        'OR EXISTS (SELECT FROM access.person_scope AS scope WHERE scope.person_id = ' || quote_ident(name) || '.person_id))';
    key := CASE WHEN name = 'death' THEN 'person_id' ELSE name || '_id' END;
    IF 'sensitivity' = ANY(columns) THEN
        label := '(sensitivity = ''{}'' OR access.may_see(person_id, sensitivity))';
        IF 'cdm_id' = ANY(columns) THEN
            -- A row labelled since this table was made hides at once.
            label := label || ' AND access.may_see_row(cdm_table, cdm_id, person_id)';
        END IF;
    ELSIF 'cdm_id' = ANY(columns) THEN
        label := 'access.may_see_row(cdm_table, cdm_id, person_id)';
    ELSIF key = ANY(columns) THEN
        label := format('access.may_see_row(%L, %I, person_id)', name, key);
    END IF;
    -- In this order, which AND does not promise: labels are looked up for the caller's own persons only.
    EXECUTE format(
        'CREATE POLICY callers ON %s FOR SELECT TO sanctum_infer, sanctum_reviewer '
        'USING ((SELECT access.is_open()) AND CASE WHEN %s THEN %s ELSE FALSE END)', target, rule, label
    );
    IF 'note_text' = ANY(columns) THEN
        EXECUTE format(
            'CREATE POLICY embedder ON %s FOR SELECT TO sanctum_embed '
            'USING ((SELECT access.sees_everyone()) AND NOT access.closed_to_models(''note'', note_id))', target
        );
    END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access.enter, access.record TO
    sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor;
GRANT EXECUTE ON FUNCTION access.sees_everyone TO sanctum_embed, sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.record_each TO sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION
    access.person_id, access.is_open, access.scope_ids, access.may_see, access.may_see_row, access.hidden_notes
TO sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.is_open, access.emergencies_waiting TO sanctum_auditor;
GRANT EXECUTE ON FUNCTION access.recorded_ids, access.follow_merges TO sanctum_transform;
GRANT EXECUTE ON FUNCTION access.closed_to_models TO sanctum_embed;
GRANT EXECUTE ON FUNCTION access.break_glass TO sanctum_infer, sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.record_consent TO sanctum_reviewer;
GRANT EXECUTE ON FUNCTION access.acknowledge TO sanctum_auditor;
GRANT EXECUTE ON FUNCTION access.guard TO sanctum_transform;

GRANT SELECT, INSERT, DELETE ON
    access.scope_name, access.person_scope, access.sensitive_row, access.consent
TO sanctum_transform;
GRANT UPDATE ON access.sensitive_row TO sanctum_transform;
GRANT SELECT ON access.sensitivity TO sanctum_transform;
-- That a person is in one of the caller's scopes, not in which: one may be a programme's.
GRANT SELECT (person_id) ON access.person_scope TO sanctum_infer, sanctum_reviewer;
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
CREATE POLICY review ON access.consent FOR SELECT TO sanctum_auditor USING ((SELECT access.is_open()));
CREATE POLICY review ON access.emergency_access FOR SELECT TO sanctum_auditor USING ((SELECT access.is_open()));
CREATE POLICY callers ON access.person_scope FOR SELECT TO sanctum_infer, sanctum_reviewer
USING (scope_id = ANY((SELECT access.scope_ids())::bigint[]));
CREATE POLICY embedder ON access.sensitive_row FOR SELECT TO sanctum_embed
USING (cdm_table = 'note' AND (SELECT access.sees_everyone()));
