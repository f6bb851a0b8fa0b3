-- Events are written only through audit.append, in the caller's own transaction; nobody may change or remove one.
-- Each event's hash covers the one before it in its chain. A chain is locked until its writer commits, so there are 16
-- chains and a writer takes one that is free: up to 16 writers never wait on each other.
CREATE TABLE audit.event (
    chain smallint NOT NULL,
    sequence bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    database_role text NOT NULL,
    subject text NOT NULL,
    purpose text NOT NULL,
    action text NOT NULL,
    person_id bigint,
    object_kind text NOT NULL,
    object_ids bigint[] NOT NULL DEFAULT '{}',
    row_count bigint NOT NULL DEFAULT 0,
    details jsonb NOT NULL DEFAULT '{}',
    previous_hash bytea NOT NULL,
    event_hash bytea NOT NULL,
    PRIMARY KEY (chain, sequence)
);
CREATE INDEX event_person ON audit.event (person_id, occurred_at) WHERE person_id IS NOT NULL;
COMMENT ON TABLE audit.event IS 'Who did what to whose data, why and when. details holds hashes and counts, never content.';

CREATE TABLE audit.chain_head (
    chain smallint PRIMARY KEY,
    sequence bigint NOT NULL,
    event_hash bytea NOT NULL
);
INSERT INTO audit.chain_head
SELECT n, 0, sha256(convert_to('sanctum audit chain ' || n, 'UTF8')) FROM generate_series(0, 15) AS n;

-- resources/sql/audit_chain_facts.sql computes the same.
CREATE FUNCTION audit.hash_event(e audit.event) RETURNS bytea
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(e.previous_hash || convert_to(jsonb_build_array(
        e.chain, e.sequence, extract(epoch FROM e.occurred_at), e.database_role, e.subject, e.purpose, e.action,
        e.person_id, e.object_kind, to_jsonb(e.object_ids), e.row_count, e.details
    )::text, 'UTF8'))
$$;

CREATE FUNCTION audit.append(
    subject text, purpose text, action text, person_id bigint, object_kind text,
    object_ids bigint[], row_count bigint, details jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head audit.chain_head;
    e audit.event;
BEGIN
    -- Looking begins at another chain for each backend. A transaction that holds a chain is not locked out of it, so
    -- it finds a chain without waiting: nobody waits while holding one, and there is no deadlock.
    SELECT * INTO head FROM audit.chain_head AS h
    ORDER BY (h.chain + 16 - pg_backend_pid() % 16) % 16 LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT * INTO STRICT head FROM audit.chain_head AS h WHERE h.chain = pg_backend_pid() % 16 FOR UPDATE;
    END IF;
    e.chain := head.chain;
    e.sequence := head.sequence + 1;
    e.occurred_at := clock_timestamp();
    e.database_role := session_user;
    e.subject := append.subject;
    e.purpose := append.purpose;
    e.action := append.action;
    e.person_id := append.person_id;
    e.object_kind := append.object_kind;
    e.object_ids := coalesce(append.object_ids, '{}');
    e.row_count := coalesce(append.row_count, 0);
    e.details := coalesce(append.details, '{}');
    e.previous_hash := head.event_hash;
    e.event_hash := audit.hash_event(e);
    INSERT INTO audit.event SELECT (e).*;
    UPDATE audit.chain_head AS h SET sequence = e.sequence, event_hash = e.event_hash WHERE h.chain = e.chain;
END
$$;

CREATE FUNCTION audit.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.event
FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

-- The ends of all chains at one moment, signed outside the database with a key that no role of it can read, so that a
-- superuser who rewrites events, hashes and heads alike can't rewrite what was signed. The auditor may add to it.
CREATE TABLE audit.signed_head (
    number bigint PRIMARY KEY CHECK (number > 0),
    signed_at timestamptz NOT NULL,
    body text NOT NULL,
    signature bytea NOT NULL CHECK (octet_length(signature) = 64)
);
COMMENT ON TABLE audit.signed_head IS
'body is the signed text: number, time, key, hash of the head before it, and per chain its last sequence and hash.';
CREATE TRIGGER signed_head_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.signed_head
FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

REVOKE ALL ON FUNCTION audit.append, audit.hash_event, audit.refuse_change FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.append TO
    sanctum_ingest, sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor,
    sanctum_eraser;
GRANT SELECT ON audit.event, audit.chain_head TO sanctum_auditor;
GRANT SELECT, INSERT ON audit.signed_head TO sanctum_auditor;
