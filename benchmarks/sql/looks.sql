-- Looks of the sensor that ended.
SELECT count(*) FROM dagster.job_ticks
WHERE status IN ('SKIPPED', 'SUCCESS') AND timestamp > to_timestamp(%(since)s) AT TIME ZONE 'UTC'
