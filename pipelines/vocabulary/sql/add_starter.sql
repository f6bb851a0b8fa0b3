-- The starter fills what the download lacks: a concept neither by id nor by code there, links between such, and what
-- replaced a code that the download has as deprecated without a word of what came after it.
CREATE TEMPORARY TABLE starter_new ON COMMIT DROP AS
SELECT starter.*
FROM starter_concept AS starter
WHERE
    NOT EXISTS (SELECT 1 FROM vocab_next.concept AS had WHERE had.concept_id = starter.concept_id)
    AND NOT EXISTS (
        SELECT 1
        FROM vocab_next.concept AS had
        WHERE had.vocabulary_id = starter.vocabulary_id AND had.concept_code = starter.concept_code
    );

INSERT INTO vocab_next.concept SELECT * FROM starter_new;

INSERT INTO vocab_next.concept_relationship
SELECT link.*
FROM starter_concept_relationship AS link
INNER JOIN vocab_next.concept AS target ON link.concept_id_2 = target.concept_id
WHERE
    link.concept_id_1 IN (SELECT added.concept_id FROM starter_new AS added)
    OR EXISTS (
        SELECT 1
        FROM starter_concept AS starter
        INNER JOIN vocab_next.concept AS deprecated
            ON
                starter.concept_id = deprecated.concept_id
                AND starter.vocabulary_id = deprecated.vocabulary_id
                AND starter.concept_code = deprecated.concept_code
                AND deprecated.invalid_reason IS NOT NULL
        WHERE
            starter.concept_id = link.concept_id_1
            AND starter.invalid_reason IS NOT NULL
            AND NOT EXISTS (
                SELECT 1
                FROM vocab_next.concept_relationship AS told
                WHERE
                    told.concept_id_1 = deprecated.concept_id
                    AND told.relationship_id IN ('Maps to', 'Concept replaced by')
            )
    );

INSERT INTO vocab_next.concept_ancestor
SELECT link.*
FROM starter_concept_ancestor AS link
INNER JOIN vocab_next.concept AS ancestor ON link.ancestor_concept_id = ancestor.concept_id
INNER JOIN starter_new AS descendant ON link.descendant_concept_id = descendant.concept_id;
