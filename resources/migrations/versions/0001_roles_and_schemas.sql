-- Roles belong to the server, so another database on it may have made them already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'sanctum_ingest', 'sanctum_transform', 'sanctum_embed', 'sanctum_infer',
        'sanctum_reviewer', 'sanctum_auditor', 'sanctum_eraser', 'sanctum_dagster'
    ] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', role_name);
        END IF;
        -- The owner makes tables for these roles; it must not inherit the policies that let some read documents.
        EXECUTE format(
            'GRANT %I TO CURRENT_USER WITH INHERIT %s, SET TRUE', role_name,
            CASE WHEN role_name IN ('sanctum_embed', 'sanctum_infer', 'sanctum_reviewer', 'sanctum_eraser') THEN 'FALSE' ELSE 'TRUE' END
        );
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    -- Callers have no temporary tables: one would outlive whose rows it holds on a pooled connection.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO sanctum_ingest, sanctum_transform', current_database());
    -- Dagster's storage has a schema of its own in the same database.
    EXECUTE format('ALTER ROLE sanctum_dagster IN DATABASE %I SET search_path = dagster', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
GRANT USAGE ON SCHEMA public TO sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_transform;

CREATE TABLE public.migration_file (
    revision text PRIMARY KEY,
    sha256 text NOT NULL
);
COMMENT ON TABLE public.migration_file IS
'Hash of the .sql file of every revision that was applied, so that a database of other migrations is not taken for one of these.';

CREATE SCHEMA landing;
CREATE SCHEMA quarantine;
CREATE SCHEMA vocab;
CREATE SCHEMA bronze;
CREATE SCHEMA bronze_staging AUTHORIZATION sanctum_ingest;
CREATE SCHEMA omop AUTHORIZATION sanctum_transform;
CREATE SCHEMA omop_intermediate AUTHORIZATION sanctum_transform;
CREATE SCHEMA features AUTHORIZATION sanctum_transform;
CREATE SCHEMA measures AUTHORIZATION sanctum_transform;
CREATE SCHEMA retrieval;
CREATE SCHEMA inference;
CREATE SCHEMA audit;
CREATE SCHEMA dagster AUTHORIZATION sanctum_dagster;

COMMENT ON SCHEMA landing IS 'What arrived, byte for byte; everything after it can be rebuilt from it.';
COMMENT ON SCHEMA quarantine IS 'Records that could not be used, each with its reason and where its bytes are.';
COMMENT ON SCHEMA vocab IS 'OMOP vocabulary.';
COMMENT ON SCHEMA bronze IS 'OMOP-shaped rows with source codes and source keys.';
COMMENT ON SCHEMA bronze_staging IS 'One load on its way to bronze; written by dlt, emptied by the next load.';
COMMENT ON SCHEMA retrieval IS 'Document chunks and embeddings.';
COMMENT ON SCHEMA inference IS 'Prompts, completions and decisions.';
COMMENT ON SCHEMA audit IS 'Append-only, hash-chained events.';

GRANT USAGE ON SCHEMA landing, quarantine, bronze TO sanctum_ingest;
GRANT USAGE ON SCHEMA bronze, vocab, landing, quarantine, inference TO sanctum_transform;
GRANT USAGE ON SCHEMA vocab TO sanctum_ingest, sanctum_embed, sanctum_infer, sanctum_reviewer;
GRANT USAGE ON SCHEMA retrieval TO sanctum_embed, sanctum_infer, sanctum_reviewer;
GRANT USAGE ON SCHEMA inference TO sanctum_infer, sanctum_reviewer;
GRANT USAGE ON SCHEMA audit TO
    sanctum_ingest, sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer, sanctum_auditor,
    sanctum_eraser;
GRANT USAGE ON SCHEMA omop TO sanctum_embed, sanctum_infer, sanctum_reviewer;
GRANT USAGE ON SCHEMA features TO sanctum_infer, sanctum_reviewer;
