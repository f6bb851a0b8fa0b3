-- The starter fills what the download lacks: a concept neither by id nor by code there, and links between such.
CREATE UNIQUE INDEX concept_id_next ON vocab.concept_next (concept_id);
CREATE INDEX concept_code_next ON vocab.concept_next (vocabulary_id, concept_code);
ANALYZE vocab.concept_next;

CREATE TEMPORARY TABLE starter_concept ON COMMIT DROP AS
SELECT starter.*
FROM vocab.concept_starter AS starter
WHERE
    NOT EXISTS (SELECT 1 FROM vocab.concept_next AS had WHERE had.concept_id = starter.concept_id)
    AND NOT EXISTS (
        SELECT 1
        FROM vocab.concept_next AS had
        WHERE had.vocabulary_id = starter.vocabulary_id AND had.concept_code = starter.concept_code
    );

INSERT INTO vocab.concept_next SELECT * FROM starter_concept;

INSERT INTO vocab.concept_relationship_next
SELECT link.*
FROM vocab.concept_relationship_starter AS link
INNER JOIN starter_concept AS source ON link.concept_id_1 = source.concept_id
INNER JOIN vocab.concept_next AS target ON link.concept_id_2 = target.concept_id;

INSERT INTO vocab.concept_ancestor_next
SELECT link.*
FROM vocab.concept_ancestor_starter AS link
INNER JOIN vocab.concept_next AS ancestor ON link.ancestor_concept_id = ancestor.concept_id
INNER JOIN starter_concept AS descendant ON link.descendant_concept_id = descendant.concept_id;

DROP TABLE vocab.concept_starter, vocab.concept_relationship_starter, vocab.concept_ancestor_starter;
