-- Concepts that both versions have and that differ, and those that are gone; one row for each kind of difference.
INSERT INTO vocab_next.concept_change (concept_id, vocabulary_id, concept_code, change, before, after)
SELECT
    old.concept_id,
    old.vocabulary_id,
    old.concept_code,
    difference.change,
    difference.before,
    difference.after
FROM vocab.concept AS old
LEFT JOIN vocab_next.concept AS new ON old.concept_id = new.concept_id
CROSS JOIN LATERAL (
    VALUES
    ('removed', new.concept_id IS NULL, NULL, NULL),
    (
        'deprecated',
        new.concept_id IS NOT NULL AND old.invalid_reason IS NULL AND new.invalid_reason IS NOT NULL,
        NULL,
        new.invalid_reason
    ),
    (
        'revived',
        new.concept_id IS NOT NULL AND old.invalid_reason IS NOT NULL AND new.invalid_reason IS NULL,
        old.invalid_reason,
        NULL
    ),
    (
        'standard',
        new.concept_id IS NOT NULL AND old.standard_concept IS DISTINCT FROM new.standard_concept,
        old.standard_concept,
        new.standard_concept
    ),
    ('domain', new.concept_id IS NOT NULL AND old.domain_id <> new.domain_id, old.domain_id, new.domain_id)
) AS difference (change, is_so, before, after)
WHERE
    (
        new.concept_id IS NULL
        OR (old.invalid_reason, old.standard_concept, old.domain_id)
        IS DISTINCT FROM (new.invalid_reason, new.standard_concept, new.domain_id)
    )
    AND difference.is_so
