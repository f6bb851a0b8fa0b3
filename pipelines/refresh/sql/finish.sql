-- What Sanctum itself recorded of a person goes with them when sources merge them with another, and comes back.
SELECT access.follow_merges(array_agg(crosswalk.person_key), array_agg(crosswalk.person_id))
FROM pg_temp.person_crosswalk AS crosswalk
WHERE
    crosswalk.person_key IN (SELECT access.recorded_ids())
    AND crosswalk.person_key IN (SELECT person_key FROM pg_temp.part_person_key);
SELECT inference.label_answers(gap.person_id, gap.measure_id, gap.period_start, gap.sensitivity)
FROM pg_temp.care_gap AS gap
WHERE gap.sensitivity <> '{}';
-- An address at which nobody lives any more.
DELETE FROM omop.location AS place
WHERE
    place.location_id IN (SELECT location_id FROM pg_temp.left_location)
    AND NOT EXISTS (SELECT FROM omop_intermediate.int_location AS home WHERE home.location_id = place.location_id);
DELETE FROM build.changed_person AS done
USING pg_temp.changed AS taken
WHERE done.person_key = taken.person_key AND done.changed_by = taken.changed_by;
