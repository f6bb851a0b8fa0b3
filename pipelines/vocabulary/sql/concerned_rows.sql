-- Rows that the last build coded with what the newest release changed, and rows it could not map that it now could.
WITH
in_use AS (
    SELECT
        coalesce(code_system.vocabulary_id, coding.system) AS vocabulary_id,
        upper(trim(coding.code)) AS concept_code,
        count(*) AS rows
    FROM omop.event_coding AS coding
    LEFT JOIN omop.code_system AS code_system ON coding.system = code_system.system
    GROUP BY 1, 2
),

concerned AS (
    SELECT
        changed.change,
        in_use.vocabulary_id,
        in_use.concept_code,
        in_use.rows
    FROM in_use
    INNER JOIN vocab.concept_change AS changed
        ON in_use.vocabulary_id = changed.vocabulary_id AND in_use.concept_code = changed.concept_code
    UNION ALL
    SELECT
        'known_now' AS change,
        code_system.vocabulary_id,
        unmapped.code AS concept_code,
        unmapped.rows
    FROM omop.unmapped_code AS unmapped
    INNER JOIN omop.code_system AS code_system ON unmapped.system = code_system.system
    WHERE
        unmapped.source_concept_id = 0
        AND EXISTS (
            SELECT 1
            FROM vocab.concept AS concept
            WHERE
                concept.vocabulary_id = code_system.vocabulary_id
                AND concept.concept_code = upper(trim(unmapped.code))
        )
)

SELECT
    change,
    count(DISTINCT (vocabulary_id, concept_code)) AS codes,
    sum(rows)::bigint AS rows
FROM concerned
GROUP BY change
ORDER BY change
