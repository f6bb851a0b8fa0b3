SELECT DISTINCT ON (location_id)
    location_id,
    NULL::text AS address_1,
    NULL::text AS address_2,
    city,
    state,
    zip,
    county,
    NULL::text AS location_source_value,
    NULL::integer AS country_concept_id,
    country AS country_source_value,
    NULL::numeric AS latitude,
    NULL::numeric AS longitude
FROM {{ ref('int_location') }}
ORDER BY location_id
