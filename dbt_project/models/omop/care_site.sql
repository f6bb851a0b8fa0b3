SELECT
    care_site.care_site_key AS care_site_id,
    left(care_site.care_site_name, 255) AS care_site_name,
    coalesce(place.concept_id, 0) AS place_of_service_concept_id,
    location.location_id,
    care_site.care_site_key::text AS care_site_source_value,
    left(place.source_code, 50) AS place_of_service_source_value
FROM {{ source('bronze', 'care_site') }} AS care_site
LEFT JOIN {{ ref('int_location') }} AS location ON care_site.location_key = location.location_key
LEFT JOIN {{ ref('int_code') }} AS place
    ON care_site.place_of_service_codings = place.codings AND place.target_number = 1
