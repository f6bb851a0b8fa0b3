SELECT
    as_of,
    count(*)
FROM features.person_feature
GROUP BY as_of
ORDER BY as_of
