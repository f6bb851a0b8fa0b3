-- What Sanctum itself recorded of a person goes with them when sources merge them with another, and comes back.
SELECT access.follow_merges(array_agg(crosswalk.person_key), array_agg(crosswalk.person_id))
FROM pg_temp.person_crosswalk AS crosswalk
WHERE
    crosswalk.person_key IN (SELECT access.recorded_ids())
    AND crosswalk.person_key IN (SELECT person_key FROM pg_temp.part_person_key)
