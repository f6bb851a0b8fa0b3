-- OIDs without their prefix, and code systems that VSAC's tables call by a short name by their FHIR URI.
UPDATE value_set_file
SET
    oid = regexp_replace(value_set_file.oid, '^urn:oid:', ''),
    system = coalesce(named.system, value_set_file.system)
FROM value_set_file AS file
LEFT JOIN (
    VALUES
    ('SNOMEDCT', 'http://snomed.info/sct'),
    ('SNOMEDCTUS', 'http://snomed.info/sct'),
    ('ICD10CM', 'http://hl7.org/fhir/sid/icd-10-cm'),
    ('ICD10PCS', 'http://www.cms.gov/Medicare/Coding/ICD10'),
    ('ICD9CM', 'http://hl7.org/fhir/sid/icd-9-cm'),
    ('LOINC', 'http://loinc.org'),
    ('RXNORM', 'http://www.nlm.nih.gov/research/umls/rxnorm'),
    ('CPT', 'http://www.ama-assn.org/go/cpt'),
    ('HCPCS', 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets'),
    ('HCPCSLEVELII', 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets'),
    ('CVX', 'http://hl7.org/fhir/sid/cvx'),
    ('NDC', 'http://hl7.org/fhir/sid/ndc'),
    ('UCUM', 'http://unitsofmeasure.org'),
    ('SOP', 'https://nahdo.org/sopt'),
    ('CDT', 'http://www.ada.org/cdt'),
    ('NUCCPT', 'http://nucc.org/provider-taxonomy'),
    ('CDCREC', 'urn:oid:2.16.840.1.113883.6.238'),
    ('HSLOC', 'https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html'),
    ('ACTCODE', 'http://terminology.hl7.org/CodeSystem/v3-ActCode'),
    ('ADMINISTRATIVEGENDER', 'http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender'),
    ('DISCHARGEDISPOSITION', 'http://terminology.hl7.org/CodeSystem/discharge-disposition')
) AS named (short_name, system)
    ON named.short_name = upper(regexp_replace(file.system, '[^A-Za-z0-9]', '', 'g'))
WHERE
    value_set_file.ctid = file.ctid
    AND (starts_with(file.oid, 'urn:oid:') OR named.system IS NOT NULL)
