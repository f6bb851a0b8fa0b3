-- Who has an identifier of theirs; of more than can be one person's it takes no more than it needs to see that.
INSERT INTO pg_temp.found
SELECT unnest(sharing.person_keys)
FROM pg_temp.newest
INNER JOIN bronze.person_identifier AS mine ON newest.person_key = mine.person_key
CROSS JOIN LATERAL (
    SELECT array_agg(other.person_key) AS person_keys
    FROM (
        SELECT DISTINCT same.person_key
        FROM bronze.person_identifier AS same
        WHERE
            same.assigning_authority = mine.assigning_authority
            AND same.identifier_value = mine.identifier_value
            AND same.identifier_type = ANY(%(identifier_types)s)
        LIMIT %(most)s + 1
    ) AS other
) AS sharing
WHERE
    mine.identifier_type = ANY(%(identifier_types)s)
    AND mine.identifier_value <> ''
    AND mine.assigning_authority <> ''
    AND cardinality(sharing.person_keys) <= %(most)s
