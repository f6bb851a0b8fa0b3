-- Source values without a concept, of one field.
SELECT 'source values without a concept', ARRAY[{table_name}, {field_name}, {field}], count(*), NULL::double precision[]
FROM omop.{table} WHERE {concept} = 0 GROUP BY {field}
