-- Diabetes is one problem here however many codes name it: records with one standard concept are one row, and a code
-- without a standard concept stands for itself. Records under a label are a row of their own, so that who may not see
-- them still sees the others.
WITH
problem AS (
    SELECT
        condition.person_id,
        condition.condition_concept_id,
        CASE WHEN condition.condition_concept_id = 0 THEN coalesce(condition.condition_source_value, '') ELSE '' END
            AS unmapped_code,
        condition.condition_start_date,
        condition.condition_end_date,
        source.clinical_status,
        source.known_at,
        coalesce(label.sensitivity, '{}') AS sensitivity,
        source.codings -> 0 ->> 'display' AS display
    FROM {{ ref('condition_occurrence') }} AS condition
    INNER JOIN {{ ref('event_source') }} AS source
        ON source.cdm_table = 'condition_occurrence' AND condition.condition_occurrence_id = source.cdm_id
    LEFT JOIN {{ ref('int_sensitive_row') }} AS label
        ON source.cdm_table = label.cdm_table AND source.cdm_id = label.cdm_id
    WHERE
        condition.condition_start_date <= {{ as_of() }}
        -- What was billed may be a problem no more.
        AND source.is_record_of_care
        -- What ended after the day was a problem on it, whatever its status is now.
        AND CASE
            WHEN condition.condition_end_date IS NOT NULL THEN condition.condition_end_date > {{ as_of() }}
            ELSE coalesce(source.clinical_status, 'active') IN ('active', 'recurrence', 'relapse')
        END
)

SELECT
    problem.person_id,
    problem.condition_concept_id,
    problem.unmapped_code,
    CASE
        WHEN problem.condition_concept_id > 0 THEN max(concept.concept_name)
        ELSE coalesce(max(problem.display), 'not mapped')
    END AS problem_name,
    min(problem.condition_start_date) AS first_date,
    max(problem.condition_start_date) AS last_date,
    count(*)::integer AS records,
    max(problem.known_at) AS known_at,
    problem.sensitivity
FROM problem
LEFT JOIN {{ source('vocab', 'concept') }} AS concept ON problem.condition_concept_id = concept.concept_id
GROUP BY problem.person_id, problem.condition_concept_id, problem.unmapped_code, problem.sensitivity
