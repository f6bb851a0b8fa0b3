-- Questions about persons.
SELECT 'source', ARRAY['omop'], count(*), NULL::double precision[] FROM omop.person
UNION ALL
SELECT 'source', ARRAY['omop'], count(*), array_fill(NULL::double precision, ARRAY[9]) FROM omop.person
UNION ALL
SELECT 'persons', '{{}}', count(*), NULL FROM omop.person
UNION ALL
SELECT 'by gender', ARRAY[gender_concept_id::text], count(*), NULL FROM omop.person GROUP BY gender_concept_id
UNION ALL
SELECT 'by year of birth', ARRAY[year_of_birth::text], count(*), NULL FROM omop.person GROUP BY year_of_birth
UNION ALL
SELECT 'by race', ARRAY[race_concept_id::text], count(*), NULL FROM omop.person GROUP BY race_concept_id
UNION ALL
SELECT 'by ethnicity', ARRAY[ethnicity_concept_id::text], count(*), NULL
FROM omop.person GROUP BY ethnicity_concept_id
UNION ALL
SELECT 'of no provider', '{{}}', count(*), NULL
FROM omop.person WHERE provider_id NOT IN (SELECT provider_id FROM omop.provider)
UNION ALL
SELECT 'of no location', '{{}}', count(*), NULL
FROM omop.person WHERE location_id NOT IN (SELECT location_id FROM omop.location)
UNION ALL
SELECT 'of no care site', '{{}}', count(*), NULL
FROM omop.person WHERE care_site_id NOT IN (SELECT care_site_id FROM omop.care_site)
UNION ALL
SELECT 'by year of birth and gender', ARRAY[year_of_birth::text, gender_concept_id::text], count(*), NULL
FROM omop.person GROUP BY year_of_birth, gender_concept_id
UNION ALL
SELECT 'living by year of birth and gender', ARRAY[year_of_birth::text, gender_concept_id::text], count(*), NULL
FROM omop.person WHERE person_id NOT IN (SELECT person_id FROM omop.death)
GROUP BY year_of_birth, gender_concept_id
UNION ALL
SELECT 'by race and ethnicity', ARRAY[race_concept_id::text, ethnicity_concept_id::text], count(*), NULL
FROM omop.person GROUP BY race_concept_id, ethnicity_concept_id
UNION ALL
SELECT
    'by place and its zip', ARRAY[left(place.zip, 3), place.location_id::text], count(*), NULL
FROM omop.person INNER JOIN omop.location AS place USING (location_id)
WHERE place.zip IS NOT NULL GROUP BY left(place.zip, 3), place.location_id
UNION ALL
SELECT 'by place and its state', ARRAY[place.state, place.location_id::text], count(*), NULL
FROM omop.person INNER JOIN omop.location AS place USING (location_id)
WHERE place.state IS NOT NULL GROUP BY place.state, place.location_id
UNION ALL
SELECT 'by place of service', ARRAY[site.place_of_service_concept_id::text], count(*), NULL
FROM omop.person INNER JOIN omop.care_site AS site USING (care_site_id)
WHERE site.place_of_service_concept_id IS NOT NULL GROUP BY site.place_of_service_concept_id
