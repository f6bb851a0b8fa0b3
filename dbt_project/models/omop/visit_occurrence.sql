WITH
label AS (
    SELECT
        encounter_key,
        array_agg(code ORDER BY code) AS codes
    FROM {{ ref('int_encounter_label') }}
    GROUP BY encounter_key
)

SELECT
    visit.visit_occurrence_key AS visit_occurrence_id,
    kept.person_id,
    coalesce(class.target_concept_id, 0) AS visit_concept_id,
    visit.visit_start_date,
    visit.visit_start_datetime,
    CASE
        WHEN visit.visit_end_date IS NOT NULL THEN visit.visit_end_date
        WHEN visit.status <> 'finished' AND visit.class_code IN ('IMP', 'ACUTE', 'NONAC', 'EMER-IMP')
            THEN greatest({{ as_of() }}, visit.visit_start_date)
        ELSE visit.visit_start_date
    END AS visit_end_date,
    visit.visit_end_datetime,
    CASE
        WHEN
            visit.visit_end_date IS NULL
            AND visit.status <> 'finished'
            AND visit.class_code IN ('IMP', 'ACUTE', 'NONAC', 'EMER-IMP')
            THEN 32220
        ELSE 32827
    END AS visit_type_concept_id,
    provider.provider_id,
    care_site.care_site_id,
    left(visit.class_code, 50) AS visit_source_value,
    0 AS visit_source_concept_id,
    coalesce(admitted.target_concept_id, 0) AS admitted_from_concept_id,
    left(visit.admitted_from_source_value, 50) AS admitted_from_source_value,
    coalesce(discharged.target_concept_id, 0) AS discharged_to_concept_id,
    left(visit.discharged_to_source_value, 50) AS discharged_to_source_value,
    lag(visit.visit_occurrence_key) OVER (
        -- A visit under a label must not be told by the one after it.
        PARTITION BY kept.person_id, label.codes
        ORDER BY visit.visit_start_date, visit.visit_start_datetime NULLS FIRST, visit.visit_occurrence_key
    ) AS preceding_visit_occurrence_id
FROM {{ ref('int_encounter') }} AS visit
INNER JOIN {{ ref('int_visit_occurrence') }} AS kept ON visit.visit_occurrence_key = kept.visit_occurrence_id
LEFT JOIN {{ ref('source_to_concept_map') }} AS class
    ON class.source_vocabulary_id = 'ActEncounterCode' AND visit.class_code = class.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS admitted
    ON admitted.source_vocabulary_id = 'admit-source' AND visit.admitted_from_source_value = admitted.source_code
LEFT JOIN {{ ref('source_to_concept_map') }} AS discharged
    ON
        discharged.source_vocabulary_id = 'discharge-disposition'
        AND visit.discharged_to_source_value = discharged.source_code
LEFT JOIN {{ ref('int_provider_reference') }} AS provider_named ON visit.provider_key = provider_named.reference_key
LEFT JOIN {{ ref('provider') }} AS provider
    ON coalesce(provider_named.provider_key, visit.provider_key) = provider.provider_id
LEFT JOIN {{ ref('int_reference_alias') }} AS care_site_alias ON visit.care_site_key = care_site_alias.alias_key
LEFT JOIN {{ ref('care_site') }} AS care_site
    ON coalesce(care_site_alias.resource_key, visit.care_site_key) = care_site.care_site_id
LEFT JOIN label ON visit.visit_occurrence_key = label.encounter_key
