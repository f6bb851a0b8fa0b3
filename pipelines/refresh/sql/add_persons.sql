WITH
added AS (
    INSERT INTO pg_temp.part_person_key
    SELECT DISTINCT found.person_key
    FROM pg_temp.found
    WHERE
        found.person_key IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_temp.part_person_key AS part WHERE part.person_key = found.person_key)
    RETURNING person_key
)

INSERT INTO pg_temp.newest
SELECT person_key
FROM added
