-- Units as UCUM writes them: what a source gives as code, or in words only.
WITH RECURSIVE
measured AS (
    SELECT coalesce(unit_code, unit_source_value) AS unit
    FROM {{ source('bronze', 'measurement') }}
    WHERE unit_code IS NOT NULL OR unit_source_value IS NOT NULL
    UNION
    SELECT coalesce(unit_code, unit_source_value) AS unit
    FROM {{ source('bronze', 'specimen') }}
    WHERE unit_code IS NOT NULL OR unit_source_value IS NOT NULL
),

known AS (
    SELECT DISTINCT ON (measured.unit)
        measured.unit,
        concept.concept_id
    FROM measured
    INNER JOIN {{ source('vocab', 'concept') }} AS concept
        ON concept.vocabulary_id = 'UCUM' AND measured.unit = concept.concept_code
    ORDER BY measured.unit, concept.invalid_reason NULLS FIRST, concept.concept_id
),

{{ standard_concepts('known') }}

SELECT
    measured.unit,
    coalesce(min(standard_concept.concept_id), 0) AS unit_concept_id,
    coalesce(known.concept_id, 0) AS unit_source_concept_id
FROM measured
LEFT JOIN known ON measured.unit = known.unit
LEFT JOIN standard_concept ON known.concept_id = standard_concept.source_concept_id
GROUP BY measured.unit, known.concept_id
