-- What rows that were replaced name: whose record it is now, in which visit it was, and of what.
SELECT named.key
FROM pg_temp.bronze_superseded_row AS superseded
CROSS JOIN LATERAL (
    VALUES
    (superseded.resource_key),
    (superseded.person_key),
    ((superseded.content ->> 'visit_occurrence_key')::bigint),
    ((superseded.content ->> 'parent_visit_key')::bigint),
    ((superseded.content ->> 'medication_key')::bigint)
) AS named (key)
WHERE named.key IS NOT NULL
