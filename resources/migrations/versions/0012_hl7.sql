-- Whom HL7 v2 messages name beyond one patient, one retired patient and one visit, and what folding doubts.
CREATE TABLE landing.hl7_message_key (
    message_id bigint NOT NULL REFERENCES landing.hl7_message ON DELETE CASCADE,
    named_key bigint NOT NULL,
    alias_of bigint,
    PRIMARY KEY (message_id, named_key)
);
CREATE INDEX hl7_message_key_named ON landing.hl7_message_key (named_key);
COMMENT ON TABLE landing.hl7_message_key IS
'Further people and visits that a message names: of a swap the other patient, of a merge of several all, of a move '
'the visits. Written when a message is first folded.';
COMMENT ON COLUMN landing.hl7_message_key.alias_of IS
'The key of the same patient or visit with the universal id of the authority, where named_key has only its namespace.';

CREATE TABLE bronze.data_quality (
    data_quality_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    rule text NOT NULL,
    element text NOT NULL,
    source_text text,
    known_at timestamptz
);
CREATE INDEX data_quality_resource ON bronze.data_quality (resource_key);
CREATE INDEX data_quality_person ON bronze.data_quality (person_key);
COMMENT ON TABLE bronze.data_quality IS
'What is not right about loaded data and stopped nothing: rule is a fixed word, element says where, source_text is '
'what was written there.';

CREATE TABLE bronze.linked_person (
    linked_person_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    linked_to_person_key bigint NOT NULL,
    known_at timestamptz
);
CREATE INDEX linked_person_resource ON bronze.linked_person (resource_key);
COMMENT ON TABLE bronze.linked_person IS
'Links between records of people (HL7 v2 A24) that stay two people: the crosswalk does not follow them.';

ALTER TABLE bronze.visit_occurrence
ADD COLUMN visit_start_source_value text,
ADD COLUMN visit_end_source_value text;
COMMENT ON COLUMN bronze.visit_occurrence.visit_start_source_value IS
'HL7 v2: the time as written, with its precision and offset. visit_end_source_value alike.';

GRANT SELECT, INSERT, UPDATE ON landing.hl7_message_key TO sanctum_ingest;
GRANT SELECT, DELETE ON landing.hl7_message_key TO sanctum_eraser;
GRANT UPDATE (event_at, message_at) ON landing.hl7_message TO sanctum_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON bronze.data_quality, bronze.linked_person TO sanctum_ingest;
GRANT SELECT ON bronze.data_quality, bronze.linked_person TO sanctum_transform;
GRANT DELETE, SELECT (person_key, resource_key, data_quality_key) ON bronze.data_quality TO sanctum_eraser;
GRANT DELETE, SELECT (person_key, resource_key, linked_person_key) ON bronze.linked_person TO sanctum_eraser;
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON landing.hl7_message_key, bronze.data_quality, bronze.linked_person TO sanctum_eraser';
    END IF;
END
$$;

-- As 0010 has it for every table of what arrived and what bronze holds.
DO $$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['landing.hl7_message_key', 'bronze.data_quality', 'bronze.linked_person']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY loads_and_erases ON %s FOR ALL TO sanctum_ingest, sanctum_eraser USING (true) WITH CHECK (true)', target);
        EXECUTE format('CREATE POLICY builds ON %s FOR SELECT TO sanctum_transform USING (true)', target);
    END LOOP;
END
$$;
