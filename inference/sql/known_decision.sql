SELECT inference.known_decision(
    %(person_id)s, %(measure_id)s, %(period_start)s, %(period_end)s, %(prompt_sha256)s, %(model_sha256)s
)
