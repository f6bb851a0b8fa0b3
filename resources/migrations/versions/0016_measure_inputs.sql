-- What the logic of quality measures reads of records beyond the columns of the CDM.
ALTER TABLE bronze.person ADD COLUMN sex_code text;
COMMENT ON COLUMN bronze.person.sex_code IS
'Code of US Core''s sex extension as sent, which measures read before the gender.';

ALTER TABLE bronze.visit_occurrence
ADD COLUMN reason_codings jsonb,
ADD COLUMN reason_keys jsonb;

ALTER TABLE bronze.condition_occurrence
ADD COLUMN categories jsonb,
ADD COLUMN body_site_codings jsonb,
ADD COLUMN onset_start_date date,
ADD COLUMN onset_end_date date,
ADD COLUMN recorded_date date;
COMMENT ON COLUMN bronze.condition_occurrence.categories IS
'Every code of category, as a JSON array; category has the one that counts.';
COMMENT ON COLUMN bronze.condition_occurrence.onset_end_date IS
'Last day of the onset itself: of an onset at one time that day, of a Period its end. Null: open, or no onset.';

ALTER TABLE bronze.drug_exposure
ADD COLUMN reason_codings jsonb,
ADD COLUMN reason_keys jsonb,
ADD COLUMN authored_date date,
ADD COLUMN supply_start_date date,
ADD COLUMN supply_end_date date,
ADD COLUMN total_days_supplied numeric,
ADD COLUMN supplied_quantity numeric,
ADD COLUMN supplied_quantity_unit text,
ADD COLUMN dose_per_day numeric,
ADD COLUMN dose_unit text;
COMMENT ON COLUMN bronze.drug_exposure.supply_start_date IS
'First day of the supply, with supply_end_date the last (pipelines.fhir.mapping.supply); both are null where one is not known.';
COMMENT ON COLUMN bronze.drug_exposure.total_days_supplied IS
'Days that the supply lasts; of a request with all its refills.';
COMMENT ON COLUMN bronze.drug_exposure.supplied_quantity IS 'Amount of one supply, in supplied_quantity_unit.';
COMMENT ON COLUMN bronze.drug_exposure.dose_per_day IS 'Amount taken a day, in dose_unit.';

ALTER TABLE bronze.procedure_occurrence
ADD COLUMN reason_codings jsonb,
ADD COLUMN reason_keys jsonb,
ADD COLUMN body_site_codings jsonb;

ALTER TABLE bronze.device_exposure
ADD COLUMN reason_codings jsonb,
ADD COLUMN reason_keys jsonb,
ADD COLUMN body_site_codings jsonb;

ALTER TABLE bronze.measurement
ADD COLUMN categories jsonb,
ADD COLUMN has_effective_time boolean;
COMMENT ON COLUMN bronze.measurement.has_effective_time IS
'False: the day is that of issued, since no effective time was sent. Null: HL7 v2, which has one time only.';

ALTER TABLE bronze.observation
ADD COLUMN categories jsonb,
ADD COLUMN reason_keys jsonb,
ADD COLUMN body_site_codings jsonb,
ADD COLUMN observation_end_date date,
ADD COLUMN observation_end_datetime timestamp;

CREATE TABLE bronze.rejected_request (
    rejected_request_key bigint PRIMARY KEY,
    resource_key bigint NOT NULL,
    source_system text NOT NULL,
    person_key bigint,
    request_key bigint NOT NULL,
    known_at timestamptz
);
CREATE INDEX rejected_request_resource ON bronze.rejected_request (resource_key);
CREATE INDEX rejected_request_person ON bronze.rejected_request (person_key);
CREATE INDEX rejected_request_request ON bronze.rejected_request (request_key);
COMMENT ON TABLE bronze.rejected_request IS
'Orders and prescriptions whose fulfilment a Task rejects. request_key: the resource_key of the order; where the '
'reference does not say its type, one row for each it may be. person_key: null where only the order says whose it is.';

GRANT SELECT, INSERT, UPDATE, DELETE ON bronze.rejected_request TO sanctum_ingest;
GRANT SELECT ON bronze.rejected_request TO sanctum_transform;
GRANT DELETE, SELECT (person_key, resource_key, rejected_request_key) ON bronze.rejected_request TO sanctum_eraser;
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON bronze.rejected_request TO sanctum_eraser';
    END IF;
END
$$;

-- As 0010 has it for every table of what arrived and what bronze holds.
ALTER TABLE bronze.rejected_request ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY loads_and_erases ON bronze.rejected_request FOR ALL TO sanctum_ingest, sanctum_eraser USING (true) WITH CHECK (true);
CREATE POLICY builds ON bronze.rejected_request FOR SELECT TO sanctum_transform USING (true);
