-- Questions about the status of conditions.
WITH diagnosed AS (
    SELECT c.condition_status_concept_id, c.condition_type_concept_id
    FROM event
    INNER JOIN omop.condition_occurrence AS c ON c.condition_occurrence_id = event.event_id
    WHERE event.observed
)

SELECT 'records by status', ARRAY[condition_status_concept_id::text], count(*), NULL::double precision[]
FROM diagnosed GROUP BY condition_status_concept_id
UNION ALL
SELECT
    'records by status and type', ARRAY[condition_status_concept_id::text, condition_type_concept_id::text],
    count(*), NULL
FROM diagnosed GROUP BY condition_status_concept_id, condition_type_concept_id
