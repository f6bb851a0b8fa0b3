-- Events of the value sets the measures use. Codes are matched once each, then joined to events.
WITH
code_in_use AS (
    SELECT DISTINCT
        coding.system,
        coding.code,
        coalesce(code_system.vocabulary_id, coding.system) AS vocabulary_id
    FROM {{ ref('event_coding') }} AS coding
    LEFT JOIN {{ ref('code_system') }} AS code_system ON coding.system = code_system.system
),

matched AS (
    SELECT DISTINCT
        value_set.name,
        code_in_use.system,
        code_in_use.code
    FROM code_in_use
    INNER JOIN {{ ref('value_set') }} AS value_set
        ON
            code_in_use.vocabulary_id = value_set.vocabulary_id
            AND (
                code_in_use.code = value_set.code
                OR (value_set.is_prefix AND starts_with(code_in_use.code, value_set.code))
            )
)

SELECT
    matched.name AS value_set,
    coding.cdm_table,
    coding.cdm_id,
    coding.person_id,
    min(coding.code) AS code
FROM matched
INNER JOIN {{ ref('event_coding') }} AS coding ON matched.system = coding.system AND matched.code = coding.code
GROUP BY matched.name, coding.cdm_table, coding.cdm_id, coding.person_id
