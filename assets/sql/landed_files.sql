-- Every landed content of these kinds, by hash and length.
SELECT
    encode(sha256, 'hex'),
    byte_length
FROM landing.file
WHERE kind = ANY(%(kinds)s)
