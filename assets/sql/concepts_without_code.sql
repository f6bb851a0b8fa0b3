-- Concepts that no source code can match, besides concept 0.
SELECT count(*) FROM vocab.concept
WHERE concept_id <> 0 AND (concept_code = '' OR vocabulary_id = '')
