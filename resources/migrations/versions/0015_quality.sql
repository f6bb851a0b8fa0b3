CREATE SCHEMA quality AUTHORIZATION sanctum_transform;
COMMENT ON SCHEMA quality IS
'What dbt finds of the quality of the tables it makes: failures of tests by key, and how much of the source was understood.';

-- Whoever makes a table here, a test among them, lets the eraser take out one person's failures: keys and counts.
GRANT USAGE ON SCHEMA quality TO sanctum_eraser;
ALTER DEFAULT PRIVILEGES FOR ROLE sanctum_transform IN SCHEMA quality GRANT SELECT, DELETE ON TABLES TO sanctum_eraser;
DO $$
BEGIN
    -- Dead rows stay in their pages until a vacuum; before PostgreSQL 17 that is left to autovacuum.
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'ALTER DEFAULT PRIVILEGES FOR ROLE sanctum_transform IN SCHEMA quality GRANT MAINTAIN ON TABLES TO sanctum_eraser';
    END IF;
END
$$;

CREATE TABLE quality.check_result (
    checked_at timestamptz NOT NULL DEFAULT now(),
    invocation_id text NOT NULL,
    category text NOT NULL CHECK (category IN ('conformance', 'completeness', 'plausibility')),
    check_name text NOT NULL,
    cdm_table text NOT NULL,
    cdm_field text,
    concept_id integer,
    unit_concept_id integer,
    violated_rows bigint NOT NULL CHECK (violated_rows >= 0),
    denominator_rows bigint NOT NULL CHECK (denominator_rows >= 0),
    threshold numeric CHECK (threshold BETWEEN 0 AND 100),
    is_failed boolean NOT NULL
);
CREATE INDEX ON quality.check_result (checked_at);
COMMENT ON TABLE quality.check_result IS
'What each check of a build found, kept from build to build. Grain: one row per dbt invocation, check, table, field, '
'concept and unit. Counts only.';
COMMENT ON COLUMN quality.check_result.threshold IS 'Percentage of the denominator that may be in violation; null: it is measured and not judged.';
GRANT SELECT, INSERT ON quality.check_result TO sanctum_transform;
