-- The decision is as sensitive as its gap, which must still be there; a trigger adds the labels of its sentences.
INSERT INTO inference.adjudication (
    person_id, measure_id, period_start, period_end, prompt, prompt_sha256, prompt_version, model_sha256,
    completion, decision, prompt_tokens, completion_tokens, latency_ms, sensitivity
)
SELECT
    gap.person_id, gap.measure_id, gap.period_start, %(period_end)s, %(prompt)s, %(prompt_sha256)s, %(prompt_version)s,
    %(model_sha256)s, %(completion)s, %(decision)s, %(prompt_tokens)s, %(completion_tokens)s, %(latency_ms)s,
    gap.sensitivity
FROM features.care_gap AS gap
WHERE gap.person_id = %(person_id)s AND gap.measure_id = %(measure_id)s AND gap.period_start = %(period_start)s
RETURNING adjudication_id
