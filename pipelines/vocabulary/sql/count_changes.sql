-- How many concepts came and how many changed in what way.
SELECT
    'added' AS change,
    (SELECT count(*) FROM vocab_next.concept)
    - (SELECT count(*) FROM vocab.concept)
    + (SELECT count(*) FROM vocab_next.concept_change WHERE change = 'removed') AS concepts
UNION ALL
SELECT
    kind.change,
    count(found.concept_id) AS concepts
FROM unnest(ARRAY['removed', 'deprecated', 'revived', 'standard', 'domain', 'maps_to']) AS kind (change)
LEFT JOIN vocab_next.concept_change AS found ON kind.change = found.change
GROUP BY kind.change
