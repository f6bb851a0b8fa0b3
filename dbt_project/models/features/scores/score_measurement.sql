-- Values the scores compute with, in the unit they need: final ones, of a unit that is known here. "Less than 5" is no
-- value.
WITH
needed AS (
    SELECT DISTINCT measurement_name
    FROM {{ ref('score_unit') }}
),

named AS (
    SELECT DISTINCT
        key_measurement.measurement_name,
        coding.cdm_table,
        coding.cdm_id
    FROM {{ ref('key_measurement') }} AS key_measurement
    INNER JOIN needed ON key_measurement.measurement_name = needed.measurement_name
    INNER JOIN {{ ref('event_coding') }} AS coding
        ON
            coding.system = 'http://loinc.org'
            AND key_measurement.loinc_code = coding.code
            AND coding.cdm_table = 'measurement'
)

SELECT
    source.person_id,
    named.measurement_name,
    source.cdm_table,
    source.cdm_id,
    source.start_date AS measurement_date,
    source.start_datetime AS measurement_datetime,
    source.value_number * score_unit.factor AS score_value,
    score_unit.score_unit
FROM named
INNER JOIN {{ ref('event_source') }} AS source ON named.cdm_table = source.cdm_table AND named.cdm_id = source.cdm_id
INNER JOIN {{ ref('measurement') }} AS measured ON named.cdm_id = measured.measurement_id
INNER JOIN {{ ref('score_unit') }} AS score_unit
    ON
        named.measurement_name = score_unit.measurement_name
        AND coalesce(source.unit_code, source.unit_source_value) = score_unit.unit
WHERE
    source.value_number >= 0
    AND measured.operator_concept_id IS NULL
    AND source.status IN ('final', 'amended', 'corrected')
    AND source.start_date <= {{ as_of() }}
