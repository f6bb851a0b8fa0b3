-- Concepts that both versions have and that lead elsewhere now: what is lost is before, what is new is after.
INSERT INTO vocab_next.concept_change (concept_id, vocabulary_id, concept_code, change, before, after)
WITH
old_map AS (
    SELECT
        concept_id_1,
        concept_id_2
    FROM vocab.concept_relationship
    WHERE relationship_id = 'Maps to' AND invalid_reason IS NULL
),

new_map AS (
    SELECT
        concept_id_1,
        concept_id_2
    FROM vocab_next.concept_relationship
    WHERE relationship_id = 'Maps to' AND invalid_reason IS NULL
),

-- Before and after are joined before anything is aggregated: nearly all links are the same in both.
difference AS (
    SELECT
        coalesce(old_map.concept_id_1, new_map.concept_id_1) AS concept_id,
        old_map.concept_id_2 AS before,
        new_map.concept_id_2 AS after
    FROM old_map
    FULL JOIN new_map ON old_map.concept_id_1 = new_map.concept_id_1 AND old_map.concept_id_2 = new_map.concept_id_2
    WHERE old_map.concept_id_1 IS NULL OR new_map.concept_id_1 IS NULL
)

SELECT
    old.concept_id,
    old.vocabulary_id,
    old.concept_code,
    'maps_to' AS change,
    string_agg(DISTINCT difference.before::text, ',' ORDER BY difference.before::text) AS before,
    string_agg(DISTINCT difference.after::text, ',' ORDER BY difference.after::text) AS after
FROM difference
INNER JOIN vocab.concept AS old ON difference.concept_id = old.concept_id
INNER JOIN vocab_next.concept AS new ON difference.concept_id = new.concept_id
GROUP BY old.concept_id, old.vocabulary_id, old.concept_code
