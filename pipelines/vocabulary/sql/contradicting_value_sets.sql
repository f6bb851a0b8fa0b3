-- Value sets that are there more than once and not with the same codes.
SELECT
    content.oid,
    min(content.name) AS name
FROM (
    SELECT
        oid,
        source,
        min(name) AS name,
        array_agg(DISTINCT system || ' ' || code ORDER BY system || ' ' || code) AS codes
    FROM value_set_file
    GROUP BY oid, source
) AS content
GROUP BY content.oid
HAVING count(DISTINCT content.codes) > 1
ORDER BY content.oid
