-- What a site may leave out.
UPDATE site_code AS code
SET
    source_code = trim(code.source_code),
    source_concept_id = coalesce(code.source_concept_id, 0),
    target_vocabulary_id = target.vocabulary_id,
    valid_start_date = coalesce(code.valid_start_date, DATE '1970-01-01'),
    valid_end_date = coalesce(code.valid_end_date, DATE '2099-12-31')
FROM vocab.concept AS target
WHERE code.target_concept_id = target.concept_id
