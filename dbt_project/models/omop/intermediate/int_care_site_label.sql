-- An organisation or a place carries its own labels and those of all organisations and places above it.
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
