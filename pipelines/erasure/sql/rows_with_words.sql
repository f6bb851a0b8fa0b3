-- How many rows of a table hold a word, of whatever type its columns are.
SELECT count(*)
FROM {table} AS row_of
CROSS JOIN LATERAL (SELECT concat_ws(' ', {texts})) AS one (text)
WHERE
    one.text ~* ANY(%(patterns)s::text[])
    OR EXISTS (
        SELECT FROM unnest(%(sentences)s::text[]) AS s (form) WHERE strpos(lower(one.text), lower(s.form)) > 0
    )
