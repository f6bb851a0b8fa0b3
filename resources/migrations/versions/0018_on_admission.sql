-- What indices of hospital stays read of the diagnoses of claims.
ALTER TABLE bronze.claim_line
ADD COLUMN on_admission text CHECK (on_admission IN ('Y', 'N', 'U', 'W', '1')),
ADD COLUMN recorded_diagnoses jsonb;
COMMENT ON COLUMN bronze.claim_line.on_admission IS
'Of a diagnosis, whether it was present on admission, as UB-04 codes it: Y yes, N no, U the record does not tell, W it '
'can''t be told clinically, 1 its code is exempt from being reported.';
COMMENT ON COLUMN bronze.claim_line.recorded_diagnoses IS
'Of line_number 0 only: the diagnoses of the claim that are Conditions of their own, as '
'[{condition_key, diagnosis_type, on_admission}].';
COMMENT ON COLUMN bronze.claim_line.diagnosis_type IS
'principal; secondary, also where the claim says other; admitting; patientreasonforvisit. Null: the claim does not say.';
