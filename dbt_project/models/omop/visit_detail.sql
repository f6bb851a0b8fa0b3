-- Parts of a visit: the places a patient was in, and encounters that are part of another.
WITH
part AS (
    SELECT
        visit_detail_key,
        person_key,
        visit_occurrence_key,
        care_site_key,
        NULL::bigint AS provider_key,
        visit_detail_source_value,
        visit_detail_start_date,
        visit_detail_start_datetime,
        visit_detail_end_date,
        visit_detail_end_datetime
    FROM {{ ref('int_place') }}
    -- A place of FHIR without a time of its own says where the visit was, and whose labels hold.
    WHERE visit_detail_start_date IS NOT NULL OR care_site_key IS NULL
    UNION ALL
    SELECT
        visit.visit_occurrence_key AS visit_detail_key,
        visit.person_key,
        visit.visit_occurrence_key,
        visit.care_site_key,
        visit.provider_key,
        visit.class_code AS visit_detail_source_value,
        visit.visit_start_date AS visit_detail_start_date,
        visit.visit_start_datetime AS visit_detail_start_datetime,
        visit.visit_end_date AS visit_detail_end_date,
        visit.visit_end_datetime AS visit_detail_end_datetime
    FROM {{ ref('int_encounter') }} AS visit
    INNER JOIN {{ ref('int_visit') }} AS top
        ON visit.visit_occurrence_key = top.visit_key AND top.visit_key <> top.visit_occurrence_id
)

SELECT
    part.visit_detail_key AS visit_detail_id,
    visit.person_id,
    coalesce(class.target_concept_id, visit.visit_concept_id) AS visit_detail_concept_id,
    coalesce(part.visit_detail_start_date, visit.visit_start_date) AS visit_detail_start_date,
    -- The visit's hour says nothing of a part that has a day of its own.
    CASE
        WHEN part.visit_detail_start_date IS NULL THEN visit.visit_start_datetime
        ELSE part.visit_detail_start_datetime
    END AS visit_detail_start_datetime,
    coalesce(part.visit_detail_end_date, visit.visit_end_date) AS visit_detail_end_date,
    CASE
        WHEN part.visit_detail_end_date IS NULL THEN visit.visit_end_datetime
        ELSE part.visit_detail_end_datetime
    END AS visit_detail_end_datetime,
    32827 AS visit_detail_type_concept_id,
    provider.provider_id,
    care_site.care_site_id,
    left(part.visit_detail_source_value, 50) AS visit_detail_source_value,
    0 AS visit_detail_source_concept_id,
    0 AS admitted_from_concept_id,
    NULL::text AS admitted_from_source_value,
    NULL::text AS discharged_to_source_value,
    0 AS discharged_to_concept_id,
    NULL::bigint AS preceding_visit_detail_id,
    NULL::bigint AS parent_visit_detail_id,
    visit.visit_occurrence_id
FROM part
INNER JOIN {{ ref('int_visit') }} AS top ON part.visit_occurrence_key = top.visit_key
INNER JOIN {{ ref('visit_occurrence') }} AS visit ON top.visit_occurrence_id = visit.visit_occurrence_id
LEFT JOIN {{ ref('source_to_concept_map') }} AS class
    ON class.source_vocabulary_id = 'ActEncounterCode' AND part.visit_detail_source_value = class.source_code
LEFT JOIN {{ ref('int_provider_reference') }} AS provider_named ON part.provider_key = provider_named.reference_key
LEFT JOIN {{ ref('provider') }} AS provider
    ON coalesce(provider_named.provider_key, part.provider_key) = provider.provider_id
LEFT JOIN {{ ref('int_reference_alias') }} AS care_site_alias ON part.care_site_key = care_site_alias.alias_key
LEFT JOIN {{ ref('care_site') }} AS care_site
    ON coalesce(care_site_alias.resource_key, part.care_site_key) = care_site.care_site_id
