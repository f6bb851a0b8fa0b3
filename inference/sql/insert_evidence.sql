INSERT INTO inference.adjudication_evidence (
    adjudication_id, person_id, sentence_id, chunk_id, note_id, chunk_text_sha256, cited
)
VALUES (
    %(adjudication_id)s, %(person_id)s, %(sentence_id)s, %(chunk_id)s, %(note_id)s, %(chunk_text_sha256)s, %(cited)s
)
