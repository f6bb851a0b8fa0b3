-- A table's size, and whether the caller may maintain it, which is a right since PostgreSQL 17.
SELECT
    pg_total_relation_size(%(table)s::regclass) AS size_bytes,
    CASE
        WHEN current_setting('server_version_num')::integer >= 170000
            THEN has_table_privilege(%(table)s::regclass, 'MAINTAIN')
        ELSE FALSE
    END AS may_maintain
