SELECT measure_id
FROM measures.measure
