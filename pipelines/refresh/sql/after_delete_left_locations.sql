-- An address at which nobody lives any more.
DELETE FROM omop.location AS place
WHERE
    place.location_id IN (SELECT location_id FROM pg_temp.left_location)
    AND NOT EXISTS (SELECT FROM omop_intermediate.int_location AS home WHERE home.location_id = place.location_id)
