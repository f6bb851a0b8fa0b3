-- Relationships with an end that is no concept.
SELECT count(*)
FROM vocab.concept_relationship AS r
WHERE
    NOT EXISTS (SELECT FROM vocab.concept AS c WHERE c.concept_id = r.concept_id_1)
    OR NOT EXISTS (SELECT FROM vocab.concept AS c WHERE c.concept_id = r.concept_id_2)
