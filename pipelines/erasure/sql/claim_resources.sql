UPDATE bronze.resource SET person_key = %(person_id)s
WHERE
    resource_key = ANY(%(resources)s)
    AND (person_key IS NULL OR person_key <> ALL(%(people)s))
