-- Of each table the first role that may read all its rows: no row security, its own, or a policy that is always true.
SELECT
    n.nspname,
    c.relname,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'bytea'::regtype
    ) AS octets,
    (
        SELECT r.role_name
        FROM unnest(%(roles)s::text[]) WITH ORDINALITY AS r (role_name, place)
        WHERE
            has_schema_privilege(r.role_name, n.oid, 'USAGE')
            AND has_table_privilege(r.role_name, c.oid, 'SELECT')
            AND (
                NOT c.relrowsecurity
                OR (NOT c.relforcerowsecurity AND c.relowner::regrole::text = r.role_name)
                OR EXISTS (
                    SELECT FROM pg_policies AS p
                    WHERE
                        p.schemaname = n.nspname
                        AND p.tablename = c.relname
                        AND p.permissive = 'PERMISSIVE'
                        AND p.qual = 'true'
                        AND p.cmd IN ('ALL', 'SELECT')
                        AND r.role_name = ANY(p.roles)
                )
            )
        ORDER BY r.place
        LIMIT 1
    ) AS reader
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
ORDER BY n.nspname, c.relname
