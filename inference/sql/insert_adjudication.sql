INSERT INTO inference.adjudication (
    person_id, measure_id, period_start, period_end, prompt, prompt_sha256, prompt_version, model_sha256,
    completion, decision, prompt_tokens, completion_tokens, latency_ms
)
VALUES (
    %(person_id)s, %(measure_id)s, %(period_start)s, %(period_end)s, %(prompt)s, %(prompt_sha256)s, %(prompt_version)s,
    %(model_sha256)s, %(completion)s, %(decision)s, %(prompt_tokens)s, %(completion_tokens)s, %(latency_ms)s
)
RETURNING adjudication_id
