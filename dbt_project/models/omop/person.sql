WITH
race AS (
    SELECT
        person.person_key,
        count(DISTINCT map.target_concept_id) AS races,
        min(map.target_concept_id) AS concept_id,
        string_agg(DISTINCT element.coding ->> 'code', ',' ORDER BY element.coding ->> 'code') AS source_value
    FROM {{ source('bronze', 'person') }} AS person
    CROSS JOIN LATERAL jsonb_array_elements(person.race_codings) AS element (coding)
    LEFT JOIN {{ ref('source_to_concept_map') }} AS map
        ON map.source_vocabulary_id = 'omb-race' AND element.coding ->> 'code' = map.source_code
    GROUP BY person.person_key
),

ethnicity AS (
    SELECT
        person.person_key,
        min(map.target_concept_id) AS concept_id,
        min(element.coding ->> 'code') AS source_value
    FROM {{ source('bronze', 'person') }} AS person
    CROSS JOIN LATERAL jsonb_array_elements(person.ethnicity_codings) AS element (coding)
    LEFT JOIN {{ ref('source_to_concept_map') }} AS map
        ON map.source_vocabulary_id = 'omb-ethnicity' AND element.coding ->> 'code' = map.source_code
    GROUP BY person.person_key
)

SELECT
    person.person_key AS person_id,
    coalesce(gender.target_concept_id, 0) AS gender_concept_id,
    person.year_of_birth,
    person.month_of_birth,
    person.day_of_birth,
    person.birth_datetime,
    CASE WHEN race.races > 1 THEN 1546847 ELSE coalesce(race.concept_id, 0) END AS race_concept_id,
    coalesce(ethnicity.concept_id, 0) AS ethnicity_concept_id,
    location.location_id,
    provider.provider_id,
    care_site.care_site_id,
    person.person_key::text AS person_source_value,
    left(person.gender_source_value, 50) AS gender_source_value,
    0 AS gender_source_concept_id,
    left(race.source_value, 50) AS race_source_value,
    0 AS race_source_concept_id,
    left(ethnicity.source_value, 50) AS ethnicity_source_value,
    0 AS ethnicity_source_concept_id
FROM {{ source('bronze', 'person') }} AS person
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk
    ON person.person_key = crosswalk.person_key AND person.person_key = crosswalk.person_id
LEFT JOIN race ON person.person_key = race.person_key
LEFT JOIN ethnicity ON person.person_key = ethnicity.person_key
LEFT JOIN {{ ref('source_to_concept_map') }} AS gender
    ON gender.source_vocabulary_id = 'administrative-gender' AND person.gender_source_value = gender.source_code
LEFT JOIN {{ ref('int_location') }} AS location ON person.location_key = location.location_key
LEFT JOIN {{ ref('int_provider_reference') }} AS provider_named ON person.provider_key = provider_named.reference_key
LEFT JOIN {{ ref('provider') }} AS provider
    ON coalesce(provider_named.provider_key, person.provider_key) = provider.provider_id
LEFT JOIN {{ ref('int_reference_alias') }} AS care_site_alias ON person.care_site_key = care_site_alias.alias_key
LEFT JOIN {{ ref('care_site') }} AS care_site
    ON coalesce(care_site_alias.resource_key, person.care_site_key) = care_site.care_site_id
