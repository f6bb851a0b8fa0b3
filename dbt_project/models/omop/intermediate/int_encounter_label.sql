-- An encounter carries its own labels and those of its care site and of the organisations above that.
WITH
site_label AS (
    SELECT
        resource_key AS care_site_key,
        code
    FROM {{ ref('int_resource_label') }}
    WHERE resource_type IN ('Organization', 'Location')
    UNION
    SELECT
        below.care_site_key,
        label.code
    FROM {{ ref('int_care_site_parent') }} AS below
    INNER JOIN {{ ref('int_resource_label') }} AS label ON below.parent_care_site_key = label.resource_key
)

SELECT
    visit.visit_occurrence_key AS encounter_key,
    label.code
FROM {{ source('bronze', 'visit_occurrence') }} AS visit
INNER JOIN {{ ref('int_resource_label') }} AS label ON visit.resource_key = label.resource_key
UNION
SELECT
    visit.visit_occurrence_key AS encounter_key,
    site_label.code
FROM {{ source('bronze', 'visit_occurrence') }} AS visit
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON visit.care_site_key = alias.alias_key
INNER JOIN site_label ON coalesce(alias.resource_key, visit.care_site_key) = site_label.care_site_key
