-- The starter fills what the download lacks: a concept neither by id nor by code there, and links between such.
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
INNER JOIN starter_new AS source ON link.concept_id_1 = source.concept_id
INNER JOIN vocab_next.concept AS target ON link.concept_id_2 = target.concept_id;

INSERT INTO vocab_next.concept_ancestor
SELECT link.*
FROM starter_concept_ancestor AS link
INNER JOIN vocab_next.concept AS ancestor ON link.ancestor_concept_id = ancestor.concept_id
INNER JOIN starter_new AS descendant ON link.descendant_concept_id = descendant.concept_id;
