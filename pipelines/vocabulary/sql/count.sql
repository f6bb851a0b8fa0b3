SELECT
    (SELECT count(*) FROM vocab.concept),
    (SELECT count(*) FROM vocab.concept_relationship),
    (SELECT count(*) FROM vocab.concept_ancestor),
    (SELECT count(*) FROM vocab.value_set_member)
