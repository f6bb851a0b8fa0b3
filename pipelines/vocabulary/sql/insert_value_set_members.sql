INSERT INTO vocab.value_set_member (oid, value_set_name, system, code, display)
SELECT DISTINCT ON (oid, system, code) oid, name, system, code, display
FROM value_set_file
ORDER BY oid, system, code, name, display
ON CONFLICT DO NOTHING
