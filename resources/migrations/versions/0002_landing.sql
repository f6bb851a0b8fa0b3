CREATE TABLE landing.file (
    file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    byte_length bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('fhir-ndjson', 'fhir-json', 'hl7v2')),
    gzip boolean NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE landing.file IS
'One row per distinct file content; the bytes lie under home/landing by this hash. File names are not kept: they may name a patient.';
COMMENT ON COLUMN landing.file.received_at IS 'When the bytes were received first.';

CREATE TABLE landing.file_load (
    file_id bigint NOT NULL REFERENCES landing.file,
    source_system text NOT NULL,
    mapping_profile text NOT NULL,
    mapping_version text NOT NULL,
    validation text NOT NULL DEFAULT '',
    account jsonb NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (file_id, source_system, mapping_profile, mapping_version, validation)
);
COMMENT ON TABLE landing.file_load IS
'A file that was loaded whole: written in the transaction that wrote its bronze rows. account: read, loaded, excluded, quarantined.';
COMMENT ON COLUMN landing.file_load.validation IS 'How FHIR resources were validated; empty of HL7 v2, which knows one way.';

CREATE TABLE landing.fhir_export (
    export_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_system text NOT NULL,
    resource_types text[] NOT NULL,
    whole_types text[] NOT NULL,
    status_url text NOT NULL,
    state text NOT NULL DEFAULT 'started' CHECK (state IN ('started', 'loaded', 'partial', 'abandoned')),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX fhir_export_open ON landing.fhir_export (source_system) WHERE state = 'started';
COMMENT ON TABLE landing.fhir_export IS
'One row per Bulk Data export, written before its status is first asked for, so that an interrupted one goes on.';

CREATE TABLE landing.fhir_watermark (
    source_system text NOT NULL,
    resource_type text NOT NULL,
    person_key bigint NOT NULL,
    read_until timestamptz NOT NULL,
    whole_at timestamptz NOT NULL,
    PRIMARY KEY (source_system, resource_type, person_key)
);
COMMENT ON TABLE landing.fhir_watermark IS
'How far a FHIR server was read, in the server''s own time; written after the load of what was read. person_key: 0 unless the type is read patient by patient.';

CREATE TABLE landing.content_source (
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    source_system text NOT NULL,
    as_of timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (sha256, source_system)
);
COMMENT ON TABLE landing.content_source IS
'Whose bytes a FHIR server gave, written before they are landed: a load for another source system leaves them alone.';
COMMENT ON COLUMN landing.content_source.as_of IS
'When the content was so, by the server''s time at its last delivery, which received_at is of. It dates records that say no time.';

CREATE TABLE landing.object (
    object_sha256 bytea PRIMARY KEY CHECK (octet_length(object_sha256) = 32),
    version_sha256 bytea NOT NULL CHECK (octet_length(version_sha256) = 32),
    file_id bigint NOT NULL REFERENCES landing.file,
    landed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE landing.object IS
'Objects of object stores that were landed: one whose version is unchanged is not read again, whatever was erased of its file since.';
COMMENT ON COLUMN landing.object.object_sha256 IS
'Hash of the store''s address and the object''s URL, which may name a patient and is not kept.';
COMMENT ON COLUMN landing.object.version_sha256 IS 'Hash of its entity tag, time of modification and length.';

CREATE TABLE landing.hl7_message (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body_sha256 bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
    body bytea NOT NULL,
    file_id bigint REFERENCES landing.file,
    byte_offset bigint,
    sending_application text NOT NULL DEFAULT '',
    sending_facility text NOT NULL DEFAULT '',
    message_control_id text NOT NULL DEFAULT '',
    message_code text NOT NULL DEFAULT '',
    trigger_event text NOT NULL DEFAULT '',
    version_id text NOT NULL DEFAULT '',
    processing_id text NOT NULL DEFAULT '',
    patient_key bigint,
    merged_patient_key bigint,
    visit_key bigint,
    message_at timestamptz,
    event_at timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    folded_at timestamptz
);
CREATE UNIQUE INDEX hl7_message_once ON landing.hl7_message
(sending_application, sending_facility, message_control_id, body_sha256);
CREATE INDEX hl7_message_visit ON landing.hl7_message (visit_key) WHERE visit_key IS NOT NULL;
CREATE INDEX hl7_message_patient ON landing.hl7_message (patient_key) WHERE patient_key IS NOT NULL;
CREATE INDEX hl7_message_merged ON landing.hl7_message (merged_patient_key) WHERE merged_patient_key IS NOT NULL;
CREATE INDEX hl7_message_unfolded ON landing.hl7_message (message_id) WHERE folded_at IS NULL;
CREATE INDEX hl7_message_transaction ON landing.hl7_message (transaction_id, message_id);
COMMENT ON TABLE landing.hl7_message IS
'One HL7 v2 message as received. The same bytes from the same sender under the same MSH-10 are stored once.';
COMMENT ON COLUMN landing.hl7_message.event_at IS 'EVN-6, else EVN-2, else MSH-7: the order in which events happened.';
COMMENT ON COLUMN landing.hl7_message.transaction_id IS
'Inserting transaction; a reader that stops at pg_snapshot_xmin misses no message that commits late.';
COMMENT ON COLUMN landing.hl7_message.folded_at IS 'When the message became part of bronze; null: not yet.';

CREATE TABLE quarantine.record (
    record_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_key text NOT NULL UNIQUE,
    file_id bigint REFERENCES landing.file,
    line_number bigint,
    entry bigint,
    byte_offset bigint,
    message_id bigint REFERENCES landing.hl7_message,
    resource_type text,
    reason text NOT NULL,
    detail text,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz
);
CREATE INDEX quarantine_open ON quarantine.record (reason) WHERE released_at IS NULL;
CREATE INDEX quarantine_file ON quarantine.record (file_id);
CREATE INDEX quarantine_message ON quarantine.record (message_id) WHERE message_id IS NOT NULL;
COMMENT ON TABLE quarantine.record IS
'A record that could not be used. Points at its landed bytes; reason is a fixed word, detail names elements and rules, never values.';
COMMENT ON COLUMN quarantine.record.record_key IS 'Where the record lies (file hash and line, or message): the same record is kept once.';
COMMENT ON COLUMN quarantine.record.entry IS 'Index in the bundle that the line is; null outside one.';

GRANT SELECT, INSERT ON landing.file, landing.file_load TO sanctum_ingest;
GRANT UPDATE (as_of, received_at) ON landing.content_source TO sanctum_ingest;
GRANT UPDATE (account, loaded_at) ON landing.file_load TO sanctum_ingest;
GRANT SELECT, INSERT ON landing.fhir_export, landing.content_source TO sanctum_ingest;
GRANT UPDATE (state, ended_at) ON landing.fhir_export TO sanctum_ingest;
GRANT SELECT, INSERT, UPDATE ON landing.fhir_watermark TO sanctum_ingest;
GRANT SELECT, INSERT, UPDATE (version_sha256, file_id, landed_at) ON landing.object TO sanctum_ingest;
GRANT SELECT, INSERT ON landing.hl7_message TO sanctum_ingest;
GRANT UPDATE (patient_key, merged_patient_key, visit_key, folded_at) ON landing.hl7_message TO sanctum_ingest;
GRANT SELECT, INSERT ON quarantine.record TO sanctum_ingest;
GRANT UPDATE (released_at, reason, detail, resource_type) ON quarantine.record TO sanctum_ingest;
GRANT SELECT ON landing.file, landing.file_load, quarantine.record TO sanctum_transform;
