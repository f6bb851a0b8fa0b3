-- Pairs of the hierarchy with an end that is no concept.
SELECT count(*)
FROM vocab.concept_ancestor AS a
WHERE
    NOT EXISTS (SELECT FROM vocab.concept AS c WHERE c.concept_id = a.ancestor_concept_id)
    OR NOT EXISTS (SELECT FROM vocab.concept AS c WHERE c.concept_id = a.descendant_concept_id)
