-- People whom a medical record number leads to; without a merge a person's id is their one key. Birth date and sex as
-- HL7 v2 writes them: with others the number would lead to nobody.
SELECT
    crosswalk.person_id,
    identifier.assigning_authority,
    min(identifier.identifier_value),
    to_char(make_date(person.year_of_birth, person.month_of_birth, person.day_of_birth), 'YYYYMMDD'),
    upper(left(person.gender_source_value, 1))
FROM bronze.person_identifier AS identifier
INNER JOIN omop.person_crosswalk AS crosswalk ON identifier.person_key = crosswalk.person_key
INNER JOIN bronze.person AS person ON identifier.person_key = person.person_key
WHERE
    identifier.identifier_type = 'MR'
    AND crosswalk.person_key = crosswalk.person_id
    AND person.day_of_birth IS NOT NULL
    AND person.gender_source_value IS NOT NULL
GROUP BY crosswalk.person_id, identifier.assigning_authority, person.person_key
