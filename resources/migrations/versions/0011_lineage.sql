-- Of a file that was loaded for several systems, the one of its last load.
CREATE FUNCTION quarantine.source_system(file_id bigint, message_id bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN source_system.message_id IS NOT NULL THEN 'hl7v2' ELSE (
        SELECT load.source_system FROM landing.file_load AS load
        WHERE load.file_id = source_system.file_id
        ORDER BY load.loaded_at DESC, load.source_system
        LIMIT 1
    ) END
$$;
REVOKE ALL ON FUNCTION quarantine.source_system FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quarantine.source_system TO sanctum_ingest;

-- Landed bytes that no row stands for: nobody knows whose they are, nor which labels they would have. So they are for
-- whoever sees everyone and every label that hides. Like a claim to a person it is on record before anything is read.
CREATE FUNCTION access.claim_landed(ticket uuid, object_kind text, object_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t access.ticket := access.own_ticket(ticket);
    granted boolean := t.everyone AND NOT EXISTS (
        SELECT FROM access.sensitivity AS s WHERE s.hides_rows AND s.code <> ALL(t.sensitivities)
    );
BEGIN
    PERFORM audit.append(
        t.subject, t.purpose, CASE WHEN granted THEN 'claim' ELSE 'claim-denied' END, NULL, object_kind,
        ARRAY[object_id], 0, jsonb_build_object('ticket_sha256', encode(t.ticket_sha256, 'hex'))
    );
    RETURN granted;
END
$$;
REVOKE ALL ON FUNCTION access.claim_landed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access.claim_landed TO sanctum_reviewer;
