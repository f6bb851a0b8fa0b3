-- An encounter carries its own labels, those of its care site, of the places where it happened and of the organisations
-- above them, and all of these of each encounter that it is part of.
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
),

place AS (
    SELECT
        visit_occurrence_key AS encounter_key,
        care_site_key
    FROM {{ source('bronze', 'visit_occurrence') }}
    UNION
    SELECT
        visit_occurrence_key AS encounter_key,
        care_site_key
    FROM {{ source('bronze', 'visit_detail') }}
),

own AS (
    SELECT
        visit.visit_occurrence_key AS encounter_key,
        label.code
    FROM {{ source('bronze', 'visit_occurrence') }} AS visit
    INNER JOIN {{ ref('int_resource_label') }} AS label ON visit.resource_key = label.resource_key
    UNION
    SELECT
        place.encounter_key,
        site_label.code
    FROM place
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON place.care_site_key = alias.alias_key
    INNER JOIN site_label ON coalesce(alias.resource_key, place.care_site_key) = site_label.care_site_key
)

SELECT DISTINCT
    ancestor.encounter_key,
    own.code
FROM {{ ref('int_encounter_ancestor') }} AS ancestor
INNER JOIN own ON ancestor.ancestor_key = own.encounter_key
