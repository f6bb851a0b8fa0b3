SELECT decision
FROM inference.adjudication
WHERE
    person_id = %(person_id)s
    AND measure_id = %(measure_id)s
    AND period_start = %(period_start)s
    AND period_end = %(period_end)s
    AND prompt_sha256 = %(prompt_sha256)s
    AND model_sha256 = %(model_sha256)s
