-- Answers about a gap take its labels over.
SELECT inference.label_answers(gap.person_id, gap.measure_id, gap.period_start, gap.sensitivity)
FROM pg_temp.care_gap AS gap
WHERE gap.sensitivity <> '{}'
