-- Members of value sets that no source code can match.
SELECT count(*) FROM vocab.value_set_member
WHERE oid = '' OR system = '' OR code = ''
