-- The newest result of each check; a check that the project no longer lists is none.
WITH
latest AS (
    SELECT DISTINCT ON (check_name, cdm_table, cdm_field, concept_id, unit_concept_id)
        checked_at,
        category,
        check_name,
        cdm_table,
        cdm_field,
        concept_id,
        unit_concept_id,
        violated_rows,
        denominator_rows,
        threshold::float AS threshold,
        is_failed
    FROM quality.check_result
    ORDER BY check_name, cdm_table, cdm_field, concept_id, unit_concept_id, checked_at DESC
)

SELECT latest.*
FROM latest
WHERE EXISTS (
    SELECT FROM quality.quality_check AS listed
    WHERE
        listed.check_name = latest.check_name
        AND listed.cdm_table = latest.cdm_table
        AND listed.cdm_field IS NOT DISTINCT FROM latest.cdm_field
        AND listed.concept_id IS NOT DISTINCT FROM latest.concept_id
        AND listed.unit_concept_id IS NOT DISTINCT FROM latest.unit_concept_id
)
ORDER BY latest.category, latest.cdm_table, latest.cdm_field, latest.check_name, latest.concept_id, latest.unit_concept_id
