-- Every row has: its own key, resource_key (the resource or HL7 fold that owns it: a newer version replaces all
-- rows with the same resource_key), source_system and known_at (when the source knew the fact).
-- Keys are 64-bit hashes of source keys, made by pipelines.keys. Codings are JSON arrays of
-- {"system", "code", "display"} in the order the source gave them. There are no foreign keys: a reference may
-- arrive before what it refers to.

CREATE TABLE bronze.resource (
    resource_key bigint PRIMARY KEY,
    source_system text NOT NULL,
    resource_type text NOT NULL,
    resource_id text NOT NULL,
    version_id text,
    last_updated timestamptz,
    version_order text COLLATE "C",
    content_sha256 text NOT NULL,
    outcome text NOT NULL,
    person_key bigint,
    security_labels jsonb,
    file_id bigint,
    line_number bigint,
    entry bigint,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX resource_person ON bronze.resource (person_key) WHERE person_key IS NOT NULL;
CREATE INDEX resource_changed ON bronze.resource (changed_by) WHERE security_labels IS NOT NULL;
CREATE INDEX resource_labelled ON bronze.resource (resource_key) WHERE security_labels IS NOT NULL;
COMMENT ON TABLE bronze.resource IS
'The current version of every resource seen, where its bytes are, and what became of it (outcome: loaded, or why not).';
COMMENT ON COLUMN bronze.resource.version_order IS
'Sorts the versions of one resource: the greatest is the current one, whatever the order of loads '
'(pipelines.fhir.version). Null for HL7 v2, where a fold sees all messages and replaces.';
COMMENT ON COLUMN bronze.resource.changed_by IS
'Transaction of the load: a snapshot says whether a build has seen it, which times of running loads cannot say.';
COMMENT ON COLUMN bronze.resource.entry IS 'Index in the bundle that the line is; null outside one.';
COMMENT ON COLUMN bronze.resource.security_labels IS
'Codings of meta.security, and of DocumentReference.securityLabel; they hold for every row the resource owns. '
'A label without a code is kept with what it has, so that it can count as one nobody knows. Null: no label.';

CREATE TABLE bronze.reference_alias (
    reference_alias_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    alias_key bigint NOT NULL,
    source_system text NOT NULL,
    known_at timestamptz
);
CREATE INDEX reference_alias_alias ON bronze.reference_alias (alias_key);
COMMENT ON TABLE bronze.reference_alias IS
'Other keys a resource is referred to by, such as Practitioner?identifier=system|value.';

CREATE TABLE bronze.person (
    person_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    gender_source_value text,
    year_of_birth integer,
    month_of_birth integer,
    day_of_birth integer,
    birth_datetime timestamp,
    race_codings jsonb,
    ethnicity_codings jsonb,
    deceased boolean,
    death_date date,
    death_datetime timestamp,
    location_key bigint,
    provider_key bigint,
    care_site_key bigint,
    merged_into_person_key bigint,
    known_at timestamptz
);

CREATE TABLE bronze.person_link (
    person_link_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    replaced_person_key bigint NOT NULL,
    known_at timestamptz
);
COMMENT ON TABLE bronze.person_link IS
'Source persons that the record of another says it replaces; what the replaced one says is person.merged_into_person_key.';

CREATE TABLE bronze.person_identifier (
    person_identifier_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    assigning_authority text NOT NULL,
    identifier_value text NOT NULL,
    identifier_type text NOT NULL DEFAULT '',
    known_at timestamptz
);
CREATE INDEX person_identifier_value ON bronze.person_identifier (assigning_authority, identifier_value);
COMMENT ON TABLE bronze.person_identifier IS
'The identity crosswalk: source persons that share an (assigning authority, identifier) of a person-naming type are one person.';

CREATE TABLE bronze.location (
    location_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    city text,
    state text,
    zip text,
    county text,
    country text,
    known_at timestamptz
);

CREATE TABLE bronze.care_site (
    care_site_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    care_site_name text,
    place_of_service_codings jsonb,
    location_key bigint,
    parent_care_site_key bigint,
    known_at timestamptz
);

CREATE TABLE bronze.provider (
    provider_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    npi text,
    specialty_codings jsonb,
    gender_source_value text,
    year_of_birth integer,
    care_site_key bigint,
    known_at timestamptz
);

CREATE TABLE bronze.provider_role (
    provider_role_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    provider_key bigint,
    care_site_key bigint,
    specialty_codings jsonb,
    is_active boolean NOT NULL,
    start_date date,
    end_date date,
    known_at timestamptz
);
COMMENT ON TABLE bronze.provider_role IS
'What a practitioner does where (PractitionerRole); others refer to a role as they do to a practitioner. end_date: the '
'last day it covers.';

CREATE TABLE bronze.visit_occurrence (
    visit_occurrence_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    class_code text,
    type_codings jsonb,
    status text,
    visit_start_date date,
    visit_start_datetime timestamp,
    visit_end_date date,
    visit_end_datetime timestamp,
    provider_key bigint,
    care_site_key bigint,
    admitted_from_source_value text,
    discharged_to_source_value text,
    parent_visit_key bigint,
    known_at timestamptz
);
CREATE INDEX bronze_visit_person ON bronze.visit_occurrence (person_key);

CREATE TABLE bronze.visit_detail (
    visit_detail_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint NOT NULL,
    care_site_key bigint,
    visit_detail_source_value text,
    visit_detail_start_date date,
    visit_detail_start_datetime timestamp,
    visit_detail_end_date date,
    visit_detail_end_datetime timestamp,
    known_at timestamptz
);

CREATE TABLE bronze.condition_occurrence (
    condition_occurrence_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    provider_key bigint,
    codings jsonb NOT NULL,
    code_text text,
    category text,
    clinical_status text,
    verification_status text,
    condition_start_date date,
    condition_start_datetime timestamp,
    condition_end_date date,
    condition_end_datetime timestamp,
    known_at timestamptz
);

CREATE TABLE bronze.medication (
    medication_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    codings jsonb NOT NULL,
    code_text text,
    known_at timestamptz
);
COMMENT ON TABLE bronze.medication IS
'Medications that prescriptions and the like name by reference; of no patient.';

CREATE TABLE bronze.drug_exposure (
    drug_exposure_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    provider_key bigint,
    kind text NOT NULL CHECK (kind IN (
        'prescription', 'dispensing', 'administration', 'statement', 'medication-list', 'immunization'
    )),
    medication_key bigint,
    codings jsonb NOT NULL,
    code_text text,
    status text,
    intent text,
    drug_exposure_start_date date,
    drug_exposure_start_datetime timestamp,
    drug_exposure_end_date date,
    drug_exposure_end_datetime timestamp,
    days_supply integer,
    quantity numeric,
    refills integer,
    sig text,
    route_codings jsonb,
    dose_unit_source_value text,
    lot_number text,
    primary_source boolean,
    known_at timestamptz
);

COMMENT ON COLUMN bronze.drug_exposure.medication_key IS
'The medication a reference leads to, where the record has no codings of its own; it may come later.';
COMMENT ON COLUMN bronze.drug_exposure.quantity IS
'Of an administration or immunization the dose, else the amount supplied.';

CREATE TABLE bronze.procedure_occurrence (
    procedure_occurrence_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    provider_key bigint,
    codings jsonb NOT NULL,
    code_text text,
    status text,
    procedure_date date,
    procedure_datetime timestamp,
    procedure_end_date date,
    procedure_end_datetime timestamp,
    known_at timestamptz
);

CREATE TABLE bronze.device (
    device_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint,
    codings jsonb NOT NULL,
    code_text text,
    unique_device_id text,
    production_id text,
    known_at timestamptz
);
COMMENT ON TABLE bronze.device IS
'Devices, of a patient or of none. unique_device_id: the model''s identifier; production_id: distinct identifier, serial '
'or lot number, which may lead to a patient.';

CREATE TABLE bronze.device_exposure (
    device_exposure_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    provider_key bigint,
    device_key bigint,
    codings jsonb NOT NULL,
    code_text text,
    unique_device_id text,
    production_id text,
    status text,
    device_exposure_start_date date,
    device_exposure_start_datetime timestamp,
    device_exposure_end_date date,
    device_exposure_end_datetime timestamp,
    known_at timestamptz
);
COMMENT ON TABLE bronze.device_exposure IS
'Uses of a device: DeviceUseStatements, and devices that a procedure names. device_key: the device a reference leads to, '
'which has the codings where these are empty.';

CREATE TABLE bronze.measurement (
    measurement_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    provider_key bigint,
    parent_measurement_key bigint,
    codings jsonb NOT NULL,
    code_text text,
    category text,
    is_patient_reported boolean,
    status text,
    measurement_date date,
    measurement_datetime timestamp,
    measurement_end_date date,
    value_number numeric,
    value_operator text,
    value_codings jsonb,
    value_text text,
    value_boolean boolean,
    unit_code text,
    unit_source_value text,
    range_low numeric,
    range_high numeric,
    interpretation_codings jsonb,
    known_at timestamptz
);
CREATE INDEX bronze_measurement_person ON bronze.measurement (person_key);
COMMENT ON TABLE bronze.measurement IS
'FHIR Observations (a row per value: components are rows of their own) and HL7 OBX; omop routes each to measurement or observation.';
COMMENT ON COLUMN bronze.measurement.is_patient_reported IS
'All who performed it are patients or relatives. Null: HL7 v2, which does not tell.';

CREATE TABLE bronze.observation (
    observation_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    provider_key bigint,
    kind text NOT NULL CHECK (kind IN (
        'allergy', 'diagnostic-report', 'service-order', 'device-order', 'not-done', 'adverse-event', 'goal'
    )),
    qualifier text,
    category text,
    medication_key bigint,
    codings jsonb NOT NULL,
    code_text text,
    status text,
    intent text,
    reason_codings jsonb,
    reason_text text,
    observation_date date,
    observation_datetime timestamp,
    known_at timestamptz
);
COMMENT ON TABLE bronze.observation IS
'AllergyIntolerance and AL1 (codings: the substance; qualifier: allergy or intolerance), DiagnosticReports (codings: the '
'report), and what was ordered or not done, adverse events and goals (codings: the thing; qualifier: the resource type; '
'reason: why, or why not).';

CREATE TABLE bronze.specimen (
    specimen_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    codings jsonb NOT NULL,
    code_text text,
    specimen_date date,
    specimen_datetime timestamp,
    quantity numeric,
    unit_code text,
    unit_source_value text,
    body_site_codings jsonb,
    body_site_text text,
    known_at timestamptz
);
COMMENT ON TABLE bronze.specimen IS 'Specimens, without their identifiers.';

CREATE TABLE bronze.note (
    note_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    visit_occurrence_key bigint,
    provider_key bigint,
    type_codings jsonb,
    note_date date,
    note_datetime timestamp,
    note_title text,
    note_text text NOT NULL,
    text_sha256 text NOT NULL,
    content_type text,
    known_at timestamptz
);

CREATE TABLE bronze.payer_plan_period (
    payer_plan_period_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    status text NOT NULL,
    start_date date,
    end_date date,
    type_codings jsonb,
    care_site_key bigint,
    payer_name text,
    plan_name text,
    known_at timestamptz
);
COMMENT ON TABLE bronze.payer_plan_period IS
'Coverages, without any number of a member and without the subscriber. care_site_key: the organisation that pays; '
'payer_name: what the reference calls it, or self. end_date: the last day.';

CREATE TABLE bronze.claim_line (
    claim_line_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    claim_key bigint,
    is_adjudicated boolean NOT NULL,
    kind text NOT NULL CHECK (kind IN ('header', 'item', 'procedure', 'diagnosis')),
    line_number integer NOT NULL,
    item_sequence integer,
    claim_type text CHECK (claim_type IN ('institutional', 'inpatient', 'outpatient', 'professional', 'pharmacy')),
    visit_occurrence_key bigint,
    provider_key bigint,
    coverage_key bigint,
    event_key bigint,
    named_keys jsonb,
    codings jsonb NOT NULL,
    code_text text,
    diagnosis_type text,
    start_date date,
    end_date date,
    currency text,
    total_charge numeric,
    amount_allowed numeric,
    paid_by_payer numeric,
    paid_by_patient numeric,
    paid_patient_copay numeric,
    paid_patient_coinsurance numeric,
    paid_patient_deductible numeric,
    paid_by_primary numeric,
    revenue_codings jsonb,
    drg_codings jsonb,
    known_at timestamptz
);
COMMENT ON TABLE bronze.claim_line IS
'Claims (charges) and ExplanationsOfBenefit (is_adjudicated: payments too), a row for each line with money or a code of '
'its own, one for what the header states beyond its items, and of a claim without any of these one for its named_keys. '
'claim_key: the Claim itself, or the one it answers. item_sequence: of the claim''s items the one it is, or answers. event_key: the record, or the claim''s own procedure, '
'that the line says it is about. named_keys, of line_number 0 only: of every encounter, organisation, place, '
'coverage and record that the whole claim names, whose labels hold for it. paid_by_patient: as stated.';

CREATE TABLE bronze.care_team (
    care_team_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    status text,
    start_date date,
    end_date date,
    care_site_key bigint,
    known_at timestamptz
);
CREATE INDEX care_team_person ON bronze.care_team (person_key);
COMMENT ON TABLE bronze.care_team IS
'CareTeam, without its name, which may be a patient''s. end_date: the last day it covers. care_site_key: the first '
'managing organisation.';

CREATE TABLE bronze.care_team_participant (
    care_team_participant_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    care_team_key bigint NOT NULL,
    person_key bigint NOT NULL,
    provider_key bigint,
    care_site_key bigint,
    start_date date,
    end_date date,
    known_at timestamptz
);
CREATE INDEX care_team_participant_person ON bronze.care_team_participant (person_key);
COMMENT ON TABLE bronze.care_team_participant IS
'Practitioners and organisations of a care team. Where a reference does not say which of the two it is (urn:uuid), '
'both keys are set and at most one of them is the key of anything. start_date, end_date: the participant''s own period; '
'the team''s holds as well.';

CREATE TABLE bronze.consent (
    consent_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint NOT NULL,
    status text NOT NULL,
    scope_codings jsonb,
    category_codings jsonb,
    policy_codings jsonb,
    consent_date date,
    decided_at timestamptz,
    known_at timestamptz
);
CREATE INDEX consent_person ON bronze.consent (person_key);
COMMENT ON TABLE bronze.consent IS
'Consent; policy_codings: policyRule, which also is what holds where no provision says otherwise.';

CREATE TABLE bronze.consent_provision (
    consent_provision_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    consent_key bigint NOT NULL,
    person_key bigint NOT NULL,
    provision_number integer NOT NULL,
    parent_provision_key bigint,
    provision_type text CHECK (provision_type IN ('permit', 'deny')),
    security_labels jsonb,
    purpose_codings jsonb,
    action_codings jsonb,
    start_date date,
    end_date date,
    has_actors boolean NOT NULL,
    has_other_limits boolean NOT NULL,
    known_at timestamptz
);
COMMENT ON TABLE bronze.consent_provision IS
'Consent.provision (number 0, no parent) and the exceptions nested in it, depth first. provision_type is null where '
'the source gives none. A null limit means no limit. end_date: the last day it covers. has_other_limits: it is '
'limited by class, code, data or dataPeriod, so it holds for part of the record only.';

CREATE TABLE bronze.provenance (
    provenance_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    target_key bigint NOT NULL,
    agent_type text,
    care_site_key bigint,
    recorded_at timestamptz,
    known_at timestamptz
);
CREATE INDEX provenance_target ON bronze.provenance (target_key);
COMMENT ON TABLE bronze.provenance IS
'Which organisation asserted or transmitted a record, a row for each target and agent; nobody''s name. target_key: the '
'resource_key of the record.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA bronze TO sanctum_ingest;
GRANT SELECT ON ALL TABLES IN SCHEMA bronze TO sanctum_transform;

DO $$
DECLARE
    table_name text;
BEGIN
    FOR table_name IN
        SELECT c.relname FROM pg_class AS c
        WHERE c.relnamespace = 'bronze'::regnamespace AND c.relkind = 'r' AND c.relname <> 'resource'
    LOOP
        EXECUTE format('CREATE INDEX %I ON bronze.%I (resource_key)', table_name || '_resource', table_name);
    END LOOP;
END
$$;
