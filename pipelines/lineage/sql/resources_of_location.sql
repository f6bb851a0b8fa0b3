SELECT location.resource_key
FROM omop_intermediate.int_location AS place
INNER JOIN bronze.location AS location ON place.location_key = location.location_key
WHERE place.location_id = %(row_id)s
