-- Encounters as they were when this build began to read them, so that rows and their labels are made of the same.
SELECT
    visit.visit_occurrence_key,
    visit.resource_key,
    visit.source_system,
    visit.person_key,
    visit.class_code,
    visit.type_codings,
    visit.status,
    visit.visit_start_date,
    visit.visit_start_datetime,
    visit.visit_end_date,
    visit.visit_end_datetime,
    visit.provider_key,
    visit.care_site_key,
    visit.admitted_from_source_value,
    visit.discharged_to_source_value,
    coalesce(alias.resource_key, visit.parent_visit_key) AS parent_visit_key,
    visit.reason_codings,
    visit.reason_keys,
    visit.known_at
FROM {{ source('bronze', 'visit_occurrence') }} AS visit
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON visit.parent_visit_key = alias.alias_key
