-- Why only a build of everybody will do; null: a refresh may be enough.
SELECT CASE
    WHEN NOT EXISTS (SELECT FROM build.whole_build) THEN 'the last build was not of every model, or there was none'
    -- It has a row, and like larger tables that a refresh changes it is not in the write-ahead log.
    WHEN coalesce(pg_relation_size(to_regclass('omop_intermediate.int_label_snapshot')), 0) = 0
        THEN 'the server crashed, or came from a backup, since the last build: what lies between bronze and omop is lost'
    WHEN NOT EXISTS (SELECT FROM build.whole_build WHERE project_sha256 = %(project_sha256)s)
        THEN 'the tables were built by another version of the dbt project'
    WHEN NOT EXISTS (
        SELECT FROM build.whole_build WHERE period_start = %(period_start)s AND period_end = %(period_end)s
    )
        THEN 'the tables were built for another measurement period'
    WHEN EXISTS (SELECT FROM build.changed_person WHERE person_key IS NULL)
        THEN 'what concerns everybody changed: a record of no patient, the vocabulary, a value set or a label'
END
