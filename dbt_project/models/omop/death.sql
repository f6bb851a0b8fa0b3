-- Any source person of a component may be the one whose death is known; the earliest date counts.
SELECT DISTINCT ON (crosswalk.person_id)
    crosswalk.person_id,
    person.death_date,
    person.death_datetime,
    32817 AS death_type_concept_id,
    0 AS cause_concept_id,
    NULL::text AS cause_source_value,
    0 AS cause_source_concept_id
FROM {{ source('bronze', 'person') }} AS person
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON person.person_key = crosswalk.person_key
WHERE person.death_date IS NOT NULL
ORDER BY crosswalk.person_id, person.death_date, person.death_datetime NULLS LAST
