DELETE FROM omop.location AS place
WHERE NOT EXISTS (
    SELECT FROM omop_intermediate.int_location AS home WHERE home.location_id = place.location_id
)
