-- The claimed person's newest decision about a measure: what it is, and whether one sentence was shown and cited.
SELECT
    adjudication.adjudication_id,
    adjudication.decision,
    coalesce(bool_or(evidence.chunk_text_sha256 = %(sentence_sha256)s), FALSE) AS shown,
    coalesce(bool_or(evidence.chunk_text_sha256 = %(sentence_sha256)s AND evidence.cited), FALSE) AS cited
FROM inference.adjudication
LEFT JOIN inference.adjudication_evidence AS evidence
    ON
        adjudication.adjudication_id = evidence.adjudication_id
        AND adjudication.person_id = evidence.person_id
WHERE adjudication.person_id = %(person_id)s AND adjudication.measure_id = %(measure_id)s
GROUP BY adjudication.adjudication_id, adjudication.decision
ORDER BY adjudication.adjudication_id DESC
LIMIT 1
