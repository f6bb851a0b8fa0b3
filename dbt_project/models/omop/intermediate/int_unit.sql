-- Units as UCUM writes them: what a source gives as code, or in words only.
WITH
measured AS (
    SELECT coalesce(unit_code, unit_source_value) AS unit
    FROM {{ source('bronze', 'measurement') }}
    WHERE unit_code IS NOT NULL OR unit_source_value IS NOT NULL
    UNION
    SELECT coalesce(unit_code, unit_source_value) AS unit
    FROM {{ source('bronze', 'specimen') }}
    WHERE unit_code IS NOT NULL OR unit_source_value IS NOT NULL
)

SELECT DISTINCT ON (measured.unit)
    measured.unit,
    coalesce(standard.concept_id, 0) AS unit_concept_id,
    coalesce(concept.concept_id, 0) AS unit_source_concept_id
FROM measured
LEFT JOIN {{ source('vocab', 'concept') }} AS concept
    ON concept.vocabulary_id = 'UCUM' AND measured.unit = concept.concept_code
LEFT JOIN {{ source('vocab', 'concept_relationship') }} AS link
    ON
        concept.concept_id = link.concept_id_1
        AND link.relationship_id = 'Maps to'
        AND link.invalid_reason IS NULL
LEFT JOIN {{ source('vocab', 'concept') }} AS standard
    ON
        CASE WHEN concept.standard_concept = 'S' THEN concept.concept_id ELSE link.concept_id_2 END
        = standard.concept_id
        AND standard.standard_concept = 'S'
ORDER BY measured.unit, standard.concept_id NULLS LAST, concept.concept_id
