-- What was taken in; what changed since waits for the next refresh.
DELETE FROM build.changed_person AS done
USING pg_temp.changed AS taken
WHERE done.person_key = taken.person_key AND done.changed_by = taken.changed_by
