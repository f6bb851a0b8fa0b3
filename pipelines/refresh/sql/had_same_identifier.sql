-- Who had an identifier of theirs when the crosswalk was made: without them it may join others now.
INSERT INTO pg_temp.found
SELECT unnest(sharing.person_keys)
FROM pg_temp.newest
INNER JOIN omop_intermediate.int_shared_identifier AS mine ON newest.person_key = mine.person_key
CROSS JOIN LATERAL (
    SELECT array_agg(other.person_key) AS person_keys
    FROM (
        SELECT same.person_key
        FROM omop_intermediate.int_shared_identifier AS same
        WHERE same.identifier_key = mine.identifier_key
        LIMIT %(most)s + 1
    ) AS other
) AS sharing
WHERE cardinality(sharing.person_keys) <= %(most)s
