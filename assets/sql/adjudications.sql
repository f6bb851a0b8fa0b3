-- Decisions on record, of all people.
SELECT coalesce(sum(adjudications), 0) FROM inference.adjudication_counts()
