-- An encounter carries its own labels, those of its care site, of the places where it was and of the organisations
-- above them, and all of these of each encounter that it is part of. One planned or cancelled makes no row, but what
-- refers to it has its labels all the same.
WITH RECURSIVE
place AS (
    SELECT
        visit_occurrence_key,
        care_site_key
    FROM {{ ref('int_encounter') }}
    UNION
    SELECT
        visit_occurrence_key,
        care_site_key
    FROM {{ ref('int_place') }}
),

own AS (
    SELECT
        resource_key AS encounter_key,
        code
    FROM {{ ref('int_resource_label') }}
    WHERE resource_type = 'Encounter'
    UNION
    SELECT
        visit.visit_occurrence_key AS encounter_key,
        label.code
    FROM {{ ref('int_encounter') }} AS visit
    INNER JOIN {{ ref('int_resource_label') }} AS label ON visit.resource_key = label.resource_key
    UNION
    SELECT
        place.visit_occurrence_key AS encounter_key,
        label.code
    FROM place
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON place.care_site_key = alias.alias_key
    INNER JOIN {{ ref('int_care_site_label') }} AS label
        ON coalesce(alias.resource_key, place.care_site_key) = label.care_site_key
),

-- From labelled encounters down to their parts; few are labelled. A circle ends where it began.
spread AS (
    SELECT
        encounter_key,
        code
    FROM own
    UNION
    SELECT
        part.visit_occurrence_key AS encounter_key,
        spread.code
    FROM spread
    INNER JOIN {{ ref('int_encounter') }} AS part ON spread.encounter_key = part.parent_visit_key
)

SELECT
    encounter_key,
    code
FROM spread
