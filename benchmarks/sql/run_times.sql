-- Of the last refresh: when it was asked for, when its process had begun, when bronze was done.
SELECT
    min(event.timestamp) FILTER (WHERE event.dagster_event_type = 'PIPELINE_ENQUEUED') AT TIME ZONE 'UTC',
    min(event.timestamp) FILTER (WHERE event.dagster_event_type = 'PIPELINE_START') AT TIME ZONE 'UTC',
    max(event.timestamp) FILTER (
        WHERE event.dagster_event_type = 'STEP_SUCCESS' AND event.step_key = 'load_bronze'
    ) AT TIME ZONE 'UTC'
FROM dagster.event_logs AS event
WHERE event.run_id = (
    SELECT run.run_id FROM dagster.runs AS run
    WHERE run.pipeline_name = 'hl7_refresh'
    ORDER BY run.id DESC
    LIMIT 1
)
