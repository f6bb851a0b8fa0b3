-- Every care site with each one above it, however far; a circle ends where it began.
WITH RECURSIVE
parent AS (
    SELECT
        site.care_site_key,
        coalesce(alias.resource_key, site.parent_care_site_key) AS parent_care_site_key
    FROM {{ source('bronze', 'care_site') }} AS site
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON site.parent_care_site_key = alias.alias_key
    WHERE site.parent_care_site_key IS NOT NULL
),

above AS (
    SELECT
        care_site_key,
        parent_care_site_key
    FROM parent
    UNION
    SELECT
        above.care_site_key,
        parent.parent_care_site_key
    FROM above
    INNER JOIN parent ON above.parent_care_site_key = parent.care_site_key
)

SELECT
    care_site_key,
    parent_care_site_key
FROM above
