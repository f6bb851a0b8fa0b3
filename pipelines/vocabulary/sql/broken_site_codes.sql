-- Every rule that a line of the site's file breaks: line, column, rule.
SELECT
    checked.line,
    rule.column_name,
    rule.what
FROM (
    SELECT
        code.*,
        target.vocabulary_id,
        target.concept_id IS NOT NULL AS target_is_known,
        target.standard_concept = 'S' AND target.invalid_reason IS NULL AS target_is_standard,
        source.concept_id IS NOT NULL AS source_is_known,
        row_number() OVER (
            PARTITION BY code.source_vocabulary_id, upper(trim(code.source_code)), code.target_concept_id
            ORDER BY code.line
        ) AS nth
    FROM site_code AS code
    LEFT JOIN vocab.concept AS target ON code.target_concept_id = target.concept_id
    LEFT JOIN vocab.concept AS source ON code.source_concept_id = source.concept_id
) AS checked
CROSS JOIN LATERAL (
    VALUES
    ('source_code', coalesce(trim(checked.source_code), '') = '', 'a value is required'),
    ('source_vocabulary_id', coalesce(trim(checked.source_vocabulary_id), '') = '', 'a value is required'),
    ('target_concept_id', checked.target_concept_id IS NULL, 'a value is required'),
    (
        'target_concept_id',
        checked.target_concept_id IS NOT NULL AND NOT checked.target_is_known,
        'there is no such concept in the vocabulary in use'
    ),
    (
        'target_concept_id',
        checked.invalid_reason IS NULL
        AND checked.target_is_known
        AND checked.target_concept_id <> 0
        AND checked.target_is_standard IS NOT TRUE,
        'the concept is not standard, or no longer valid'
    ),
    (
        'target_vocabulary_id',
        checked.target_is_known AND checked.target_vocabulary_id <> checked.vocabulary_id,
        'the concept is of another vocabulary'
    ),
    (
        'source_concept_id',
        coalesce(checked.source_concept_id, 0) <> 0 AND NOT checked.source_is_known,
        'there is no such concept in the vocabulary in use'
    ),
    ('valid_end_date', checked.valid_end_date < checked.valid_start_date, 'it is before valid_start_date'),
    ('invalid_reason', checked.invalid_reason NOT IN ('D', 'U'), 'it is neither empty nor D or U'),
    ('source_code', checked.nth > 1, 'an earlier line has the same code and target')
) AS rule (column_name, is_broken, what)
WHERE rule.is_broken
ORDER BY checked.line, rule.column_name, rule.what
