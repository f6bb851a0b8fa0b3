ALTER TABLE bronze.resource
ADD COLUMN version_at timestamptz NOT NULL DEFAULT now(),
ADD COLUMN known_from timestamptz;
-- Of what was loaded before nobody can tell any more when it came.
ALTER TABLE bronze.resource DISABLE TRIGGER USER;
UPDATE bronze.resource SET version_at = coalesce(last_updated, changed_at);
ALTER TABLE bronze.resource ENABLE TRIGGER USER;
COMMENT ON COLUMN bronze.resource.version_at IS
'When the source said this version: last_updated, else the moment its file is of; of HL7 v2 the last message.';
COMMENT ON COLUMN bronze.resource.known_from IS
'From when on this version stands for the resource: version_at, if bronze had another version before. Null: it had none, '
'and each row counts from its own known_at.';

CREATE TABLE bronze.superseded_row (
    superseded_row_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    bronze_table text NOT NULL,
    row_key bigint NOT NULL,
    version_at timestamptz NOT NULL,
    known_from timestamptz,
    known_until timestamptz NOT NULL,
    security_labels jsonb,
    content jsonb NOT NULL
);
CREATE INDEX superseded_row_resource ON bronze.superseded_row (resource_key, bronze_table, row_key);
CREATE INDEX superseded_row_person ON bronze.superseded_row (person_key);
COMMENT ON TABLE bronze.superseded_row IS
'Rows that a later version of their resource replaced or withdrew, of the tables that features are made of, so that '
'features as of an earlier day are made of what was known on it. Grain: one row per row and version.';
COMMENT ON COLUMN bronze.superseded_row.row_key IS 'Key of the row in its table.';
COMMENT ON COLUMN bronze.superseded_row.known_from IS
'As in bronze.resource; of a row of HL7 v2 when the row before it was replaced.';
COMMENT ON COLUMN bronze.superseded_row.known_until IS 'When the source said what replaced it; it counts no more from then on.';
COMMENT ON COLUMN bronze.superseded_row.security_labels IS 'Labels of that version; they go on to hold for it.';
COMMENT ON COLUMN bronze.superseded_row.content IS 'The row, by the names of its columns.';

ALTER TABLE bronze.superseded_row ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY loads_and_erases ON bronze.superseded_row
FOR ALL TO sanctum_ingest, sanctum_eraser USING (true) WITH CHECK (true);
CREATE POLICY builds ON bronze.superseded_row FOR SELECT TO sanctum_transform USING (true);
GRANT SELECT, INSERT, DELETE ON bronze.superseded_row TO sanctum_ingest;
GRANT SELECT ON bronze.superseded_row TO sanctum_transform;
GRANT DELETE, SELECT (resource_key, person_key) ON bronze.superseded_row TO sanctum_eraser;

CREATE TABLE build.feature_day (
    feature_day date PRIMARY KEY
);
COMMENT ON TABLE build.feature_day IS
'Days other than that of the build as of which features.person_feature and the tables behind it have rows.';
ALTER TABLE build.feature_day ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY builds ON build.feature_day FOR ALL TO sanctum_owner, sanctum_transform USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON build.feature_day TO sanctum_transform;

DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON bronze.superseded_row TO sanctum_eraser';
    END IF;
END
$$;
