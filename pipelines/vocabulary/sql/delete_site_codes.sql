DELETE FROM vocab.source_to_concept_map AS map
WHERE NOT EXISTS (
    SELECT 1
    FROM site_code AS code
    WHERE
        (
            code.source_code,
            code.source_concept_id,
            code.source_vocabulary_id,
            code.source_code_description,
            code.target_concept_id,
            code.target_vocabulary_id,
            code.valid_start_date,
            code.valid_end_date,
            code.invalid_reason
        ) IS NOT DISTINCT FROM (
            map.source_code,
            map.source_concept_id,
            map.source_vocabulary_id,
            map.source_code_description,
            map.target_concept_id,
            map.target_vocabulary_id,
            map.valid_start_date,
            map.valid_end_date,
            map.invalid_reason
        )
        AND code.source_code = map.source_code
        AND code.target_concept_id = map.target_concept_id
)
