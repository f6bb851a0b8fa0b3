SELECT
    identifier_key,
    person_key
FROM {{ ref('int_shared_identifier') }}
WHERE is_conflicting
