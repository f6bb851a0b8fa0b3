{{ config(meta={'dagster': {'ref': {'name': 'person_crosswalk'}}}) }}
-- Whoever is one person was born once; only an explicit merge may say otherwise.
SELECT crosswalk.person_id
FROM {{ ref('person_crosswalk') }} AS crosswalk
INNER JOIN {{ source('bronze', 'person') }} AS person ON crosswalk.person_key = person.person_key
LEFT JOIN {{ source('bronze', 'person_link') }} AS person_link ON person.person_key = person_link.person_key
GROUP BY crosswalk.person_id
HAVING
    count(DISTINCT person.year_of_birth) > 1
    AND bool_and(person.merged_into_person_key IS NULL AND person_link.person_link_key IS NULL)
