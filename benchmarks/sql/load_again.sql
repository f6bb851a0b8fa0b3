UPDATE bronze.resource
SET changed_at = now(), changed_by = pg_current_xact_id()
WHERE person_key = ANY(%(person_keys)s)
