WITH
left_out AS (
    DELETE FROM build.feature_day
    WHERE feature_day <> ALL(%(days)s::date[])
)

INSERT INTO build.feature_day (feature_day)
SELECT DISTINCT asked.feature_day
FROM unnest(%(days)s::date[]) AS asked (feature_day)
ON CONFLICT DO NOTHING
