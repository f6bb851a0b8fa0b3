SELECT
    named_key,
    min(alias_of) AS alias_of
FROM landing.hl7_message_key
WHERE alias_of IS NOT NULL AND named_key = ANY(%(keys)s)
GROUP BY named_key
HAVING count(DISTINCT alias_of) = 1
