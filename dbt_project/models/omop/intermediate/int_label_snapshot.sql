-- Which transactions' work this build sees at least: every later statement of it reads what this one could.
SELECT pg_current_snapshot()::text AS label_snapshot
