-- Results under a label stand beside those without: who may not see them gets the latest of the others.
WITH
key_code AS (
    SELECT
        measurement_name,
        loinc_code
    FROM {{ ref('key_measurement') }}
)

SELECT DISTINCT ON (source.person_id, key_code.measurement_name, coalesce(label.sensitivity, '{}'))
    source.person_id,
    key_code.measurement_name,
    coding.code AS loinc_code,
    source.cdm_id AS measurement_id,
    source.start_date AS measurement_date,
    source.start_datetime AS measurement_datetime,
    source.value_number AS value_as_number,
    source.unit_code AS unit,
    source.known_at,
    coalesce(label.sensitivity, '{}') AS sensitivity
FROM key_code
INNER JOIN {{ ref('event_coding') }} AS coding
    ON coding.system = 'http://loinc.org' AND key_code.loinc_code = coding.code AND coding.cdm_table = 'measurement'
INNER JOIN {{ ref('event_source') }} AS source ON coding.cdm_table = source.cdm_table AND coding.cdm_id = source.cdm_id
LEFT JOIN {{ ref('int_sensitive_row') }} AS label
    ON source.cdm_table = label.cdm_table AND source.cdm_id = label.cdm_id
WHERE
    source.value_number IS NOT NULL
    AND source.status IN ('final', 'amended', 'corrected')
    AND source.start_date <= {{ as_of() }}
ORDER BY
    source.person_id ASC,
    key_code.measurement_name ASC,
    coalesce(label.sensitivity, '{}') ASC,
    source.start_date DESC,
    source.start_datetime DESC NULLS LAST,
    source.cdm_id ASC,
    coding.code ASC
