-- What the coded elements of an event say, in value sets: its value, its reason, its body site.
WITH
said AS (
    SELECT
        'value' AS element,
        source.cdm_table,
        source.cdm_id,
        source.person_id,
        source.value_codings AS codings
    FROM {{ ref('event_source') }} AS source
    WHERE source.value_codings IS NOT NULL AND source.start_date <= {{ as_of() }}
    UNION ALL
    SELECT
        'reason' AS element,
        source.cdm_table,
        source.cdm_id,
        source.person_id,
        source.reason_codings AS codings
    FROM {{ ref('event_source') }} AS source
    WHERE source.reason_codings IS NOT NULL AND source.start_date <= {{ as_of() }}
    UNION ALL
    SELECT
        'body site' AS element,
        source.cdm_table,
        source.cdm_id,
        source.person_id,
        source.body_site_codings AS codings
    FROM {{ ref('event_source') }} AS source
    WHERE source.body_site_codings IS NOT NULL AND source.start_date <= {{ as_of() }}
),

coded AS (
    SELECT
        said.element,
        said.cdm_table,
        said.cdm_id,
        said.person_id,
        coding.one ->> 'system' AS system,
        coding.one ->> 'code' AS code
    FROM said
    CROSS JOIN LATERAL jsonb_array_elements(said.codings) AS coding (one)
),

code_in_use AS (
    SELECT DISTINCT
        coded.system,
        coded.code,
        coalesce(code_system.vocabulary_id, coded.system) AS vocabulary_id
    FROM coded
    LEFT JOIN {{ ref('code_system') }} AS code_system ON coded.system = code_system.system
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

SELECT DISTINCT
    matched.name AS value_set,
    coded.element,
    coded.cdm_table,
    coded.cdm_id,
    coded.person_id
FROM matched
INNER JOIN coded ON matched.system = coded.system AND matched.code = coded.code
