-- Questions about care sites, providers, notes and costs of no event.
SELECT
    'care sites by place and its zip', ARRAY[left(place.zip, 3), place.location_id::text], count(*),
    NULL::double precision[]
FROM omop.care_site INNER JOIN omop.location AS place USING (location_id)
WHERE place.zip IS NOT NULL GROUP BY left(place.zip, 3), place.location_id
UNION ALL
SELECT 'care sites by place and its state', ARRAY[place.state, place.location_id::text], count(*), NULL
FROM omop.care_site INNER JOIN omop.location AS place USING (location_id)
WHERE place.state IS NOT NULL GROUP BY place.state, place.location_id
UNION ALL
SELECT 'care sites by place of service', ARRAY[place_of_service_concept_id::text], count(*), NULL
FROM omop.care_site WHERE place_of_service_concept_id IS NOT NULL GROUP BY place_of_service_concept_id
UNION ALL
SELECT 'providers', '{{}}', count(*), NULL FROM omop.provider
UNION ALL
SELECT 'providers by specialty', ARRAY[specialty_concept_id::text], count(*), NULL
FROM omop.provider GROUP BY specialty_concept_id
UNION ALL
SELECT 'providers by source concept', ARRAY[specialty_source_concept_id::text], count(*), NULL
FROM omop.provider GROUP BY specialty_source_concept_id
UNION ALL
SELECT
    'visits by specialty and concept', ARRAY[provider.specialty_concept_id::text, visit.visit_concept_id::text],
    count(*), NULL
FROM omop.visit_occurrence AS visit INNER JOIN omop.provider USING (provider_id)
GROUP BY provider.specialty_concept_id, visit.visit_concept_id
UNION ALL
SELECT 'notes by type', ARRAY[note_type_concept_id::text], count(*), NULL
FROM omop.note GROUP BY note_type_concept_id
UNION ALL
SELECT 'persons with notes by type', ARRAY[note_type_concept_id::text], count(DISTINCT person_id), NULL
FROM omop.note GROUP BY note_type_concept_id
UNION ALL
SELECT 'costs of procedures by revenue code', ARRAY[revenue_code_concept_id::text], count(*), NULL
FROM omop.cost
WHERE cost_domain_id = 'Procedure' AND revenue_code_concept_id IS NOT NULL GROUP BY revenue_code_concept_id
