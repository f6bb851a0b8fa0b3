-- Of all value sets, or of those alone that the file holds.
DELETE FROM vocab.value_set_member AS member
WHERE
    NOT EXISTS (
        SELECT 1
        FROM value_set_file AS file
        WHERE
            file.oid = member.oid
            AND file.system = member.system
            AND file.code = member.code
            AND file.name = member.value_set_name
            AND file.display IS NOT DISTINCT FROM member.display
    )
    AND (
        %(every)s
        OR EXISTS (
            SELECT 1
            FROM value_set_file AS file
            WHERE file.oid = member.oid
        )
    )
