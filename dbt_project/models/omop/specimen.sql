SELECT
    specimen.specimen_key AS specimen_id,
    crosswalk.person_id,
    coalesce(type_code.concept_id, 0) AS specimen_concept_id,
    32817 AS specimen_type_concept_id,
    specimen.specimen_date,
    specimen.specimen_datetime,
    specimen.quantity,
    unit.unit_concept_id,
    coalesce(site.concept_id, 0) AS anatomic_site_concept_id,
    0 AS disease_status_concept_id,
    NULL::text AS specimen_source_id,
    left(coalesce(type_code.source_code, specimen.code_text), 50) AS specimen_source_value,
    left(coalesce(specimen.unit_source_value, specimen.unit_code), 50) AS unit_source_value,
    left(coalesce(site.source_code, specimen.body_site_text), 50) AS anatomic_site_source_value,
    NULL::text AS disease_status_source_value
FROM {{ source('bronze', 'specimen') }} AS specimen
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON specimen.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_code') }} AS type_code
    ON specimen.codings = type_code.codings AND type_code.target_number = 1
LEFT JOIN {{ ref('int_code') }} AS site ON specimen.body_site_codings = site.codings AND site.target_number = 1
LEFT JOIN {{ ref('int_unit') }} AS unit ON coalesce(specimen.unit_code, specimen.unit_source_value) = unit.unit
WHERE specimen.specimen_date IS NOT NULL
