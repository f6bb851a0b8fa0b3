SELECT DISTINCT ON (location_id)
    location_id,
    NULL::text AS address_1,
    NULL::text AS address_2,
    left(city, 50) AS city,
    -- The CDM has room for a code of two letters; a name cut to two is another state.
    CASE WHEN length(state) <= 2 THEN state END AS state,
    left(replace(zip, '-', ''), 9) AS zip,
    left(county, 20) AS county,
    NULL::text AS location_source_value,
    NULL::integer AS country_concept_id,
    left(country, 80) AS country_source_value,
    NULL::numeric AS latitude,
    NULL::numeric AS longitude
FROM {{ ref('int_location') }}
ORDER BY location_id
