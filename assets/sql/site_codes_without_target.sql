-- Codes of the site's own map that lead to nothing: their concept is not standard, or no longer valid.
SELECT count(*)
FROM vocab.source_to_concept_map AS m
WHERE
    m.invalid_reason IS NULL
    AND m.target_concept_id <> 0
    AND NOT EXISTS (
        SELECT FROM vocab.concept AS c
        WHERE c.concept_id = m.target_concept_id AND c.standard_concept = 'S' AND c.invalid_reason IS NULL
    )
