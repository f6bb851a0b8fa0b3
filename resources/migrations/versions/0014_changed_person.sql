CREATE SCHEMA build;

CREATE TABLE build.changed_person (
    person_key bigint,
    changed_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seen_by text
);
CREATE UNIQUE INDEX changed_person_once ON build.changed_person (person_key, changed_by) NULLS NOT DISTINCT;
CREATE INDEX changed_person_seen ON build.changed_person (seen_by) WHERE seen_by IS NOT NULL;
COMMENT ON TABLE build.changed_person IS
'Source persons of whom bronze changed since dbt built them. Without a person_key: what may concern everybody changed, '
'such as a practitioner or the vocabulary, and only a build of everybody takes it in.';
COMMENT ON COLUMN build.changed_person.changed_by IS
'The transaction that changed it. A change that commits late is a row that appears late, whatever its number.';
COMMENT ON COLUMN build.changed_person.seen_by IS
'The dbt invocation that began after it was there: if that builds everything, the row is done with.';

CREATE TABLE build.whole_build (
    project_sha256 text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE build.whole_build IS
'That every model was built by one dbt invocation, and none since: of which project, for which measurement period. One '
'row, or none: a build that was not whole leaves tables of different moments.';

-- The eraser takes away what it leads to itself, and the key of who was erased must not stay.
CREATE FUNCTION build.note_changed_resources() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_user = 'sanctum_eraser' THEN
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO build.changed_person (person_key)
        SELECT DISTINCT t.person_key FROM changed_to AS t
        WHERE t.person_key IS NOT NULL OR (t.outcome = 'loaded' AND t.resource_type <> 'Provenance')
            OR t.security_labels IS NOT NULL
        ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'DELETE' THEN
        -- By what is gone nobody finds the rows that were made of it, and whose it was must not stay.
        INSERT INTO build.changed_person (person_key)
        SELECT DISTINCT NULL::bigint FROM changed_from
        ON CONFLICT DO NOTHING;
    ELSE
        -- Of a record that moves from one person to another both change.
        INSERT INTO build.changed_person (person_key)
        SELECT DISTINCT person_key
        FROM (
            SELECT person_key, outcome, resource_type, security_labels FROM changed_to
            UNION ALL
            SELECT person_key, outcome, resource_type, security_labels FROM changed_from
        ) AS changed
        WHERE person_key IS NOT NULL OR (outcome = 'loaded' AND resource_type <> 'Provenance')
            OR security_labels IS NOT NULL
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION build.note_changed_resources IS
'A Provenance makes no row of omop, and a record that was not loaded makes none of bronze; but the labels of either may '
'hold for rows that name it.';

CREATE TRIGGER note_inserted AFTER INSERT ON bronze.resource
REFERENCING NEW TABLE AS changed_to FOR EACH STATEMENT EXECUTE FUNCTION build.note_changed_resources();
CREATE TRIGGER note_updated AFTER UPDATE ON bronze.resource
REFERENCING OLD TABLE AS changed_from NEW TABLE AS changed_to
FOR EACH STATEMENT EXECUTE FUNCTION build.note_changed_resources();
CREATE TRIGGER note_deleted AFTER DELETE ON bronze.resource
REFERENCING OLD TABLE AS changed_from FOR EACH STATEMENT EXECUTE FUNCTION build.note_changed_resources();

-- As the owner: who may load a vocabulary need not know of builds.
CREATE FUNCTION build.note_change_for_everybody() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        INSERT INTO build.changed_person (person_key) VALUES (NULL) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA build FROM PUBLIC;

DO $$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY[
        'vocab.release', 'vocab.value_set_member', 'vocab.source_to_concept_map', 'access.sensitivity'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER note_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION build.note_change_for_everybody()', target
        );
        EXECUTE format(
            'CREATE TRIGGER note_updated AFTER UPDATE ON %s REFERENCING NEW TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION build.note_change_for_everybody()', target
        );
        EXECUTE format(
            'CREATE TRIGGER note_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION build.note_change_for_everybody()', target
        );
    END LOOP;
    FOREACH target IN ARRAY ARRAY['build.changed_person', 'build.whole_build'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
        EXECUTE format(
            'CREATE POLICY builds ON %s FOR ALL TO sanctum_owner, sanctum_transform, sanctum_ingest, sanctum_eraser '
            'USING (true) WITH CHECK (true)', target
        );
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA build TO sanctum_ingest, sanctum_transform, sanctum_eraser;
GRANT INSERT ON build.changed_person TO sanctum_ingest;
GRANT SELECT, DELETE, UPDATE (seen_by) ON build.changed_person TO sanctum_transform;
GRANT SELECT, INSERT, DELETE ON build.whole_build TO sanctum_transform;
GRANT DELETE, SELECT (person_key) ON build.changed_person TO sanctum_eraser;
GRANT EXECUTE ON FUNCTION build.note_changed_resources TO sanctum_ingest, sanctum_eraser;
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON build.changed_person TO sanctum_eraser';
    END IF;
END
$$;

-- What leads from one source person to those who are, or were, the same.
CREATE INDEX person_identifier_person ON bronze.person_identifier (person_key);
CREATE INDEX person_merged_into ON bronze.person (merged_into_person_key) WHERE merged_into_person_key IS NOT NULL;
CREATE INDEX person_link_person ON bronze.person_link (person_key);
CREATE INDEX person_link_replaced ON bronze.person_link (replaced_person_key);
