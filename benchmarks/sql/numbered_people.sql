-- People whom a medical record number leads to; without a merge a person's id is their one key.
SELECT
    crosswalk.person_id,
    identifier.assigning_authority,
    min(identifier.identifier_value)
FROM bronze.person_identifier AS identifier
INNER JOIN omop.person_crosswalk AS crosswalk ON identifier.person_key = crosswalk.person_key
WHERE identifier.identifier_type = 'MR' AND crosswalk.person_key = crosswalk.person_id
GROUP BY crosswalk.person_id, identifier.assigning_authority
