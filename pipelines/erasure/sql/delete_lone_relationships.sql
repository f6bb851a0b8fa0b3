-- What the table of relations with persons holds no more.
DELETE FROM omop.fact_relationship AS related
WHERE NOT EXISTS (
    SELECT FROM omop_intermediate.int_fact_relationship AS known
    WHERE known.fact_id_1 = related.fact_id_1 AND known.fact_id_2 = related.fact_id_2
)
