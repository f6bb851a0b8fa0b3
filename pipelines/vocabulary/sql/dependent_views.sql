-- Views that read a table of the vocabulary would go on reading the version that is replaced.
SELECT DISTINCT
    view_schema.nspname || '.' || view.relname AS name
FROM pg_depend AS depends
INNER JOIN pg_rewrite AS rule ON depends.objid = rule.oid
INNER JOIN pg_class AS view ON rule.ev_class = view.oid
INNER JOIN pg_namespace AS view_schema ON view.relnamespace = view_schema.oid
WHERE
    depends.classid = 'pg_rewrite'::regclass
    AND depends.refclassid = 'pg_class'::regclass
    AND depends.refobjid = ANY(%(tables)s::regclass[])
ORDER BY name
