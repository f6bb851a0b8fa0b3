-- Values of key measurements in the unit that features have them in; one in a unit that none of ours is made of is no
-- value here.
WITH
known AS (
    {{ known_rows('measurement', [
        'visit_occurrence_key', 'codings', 'status', 'measurement_date', 'measurement_datetime', 'value_number',
        'value_operator', 'unit_code',
    ]) }}
),

{{ known_labels() }},

codings_list AS (
    SELECT DISTINCT codings
    FROM known
),

key_codings AS (
    SELECT
        codings_list.codings,
        min(key_code.measurement_name) AS measurement_name
    FROM codings_list
    CROSS JOIN LATERAL jsonb_array_elements(codings_list.codings) AS element (coding)
    INNER JOIN {{ ref('key_measurement') }} AS key_code
        ON element.coding ->> 'system' = 'http://loinc.org' AND element.coding ->> 'code' = key_code.loinc_code
    GROUP BY codings_list.codings
)

SELECT
    crosswalk.person_id,
    known.bronze_key AS measurement_id,
    key_codings.measurement_name,
    coalesce(known.measurement_date, {{ utc_day('known.known_from') }}) AS measurement_date,
    known.measurement_datetime,
    round(known.value_number * unit.factor + unit.addend, 6) AS value_as_number,
    unit.feature_unit AS unit,
    {{ utc_day('known.known_from') }} AS known_from,
    {{ utc_day('known.known_until') }} AS known_until,
    {{ known_sensitivity(
        ['resource_label.codes', 'encounter_label.codes', 'person_label.codes'], 'known.security_labels'
    ) }} AS sensitivity
FROM known
INNER JOIN key_codings ON known.codings = key_codings.codings
INNER JOIN {{ ref('measurement_unit') }} AS unit
    ON key_codings.measurement_name = unit.measurement_name AND known.unit_code = unit.unit_code
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON known.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON known.visit_occurrence_key = alias.alias_key
LEFT JOIN resource_label ON known.resource_key = resource_label.resource_key
LEFT JOIN encounter_label
    ON coalesce(alias.resource_key, known.visit_occurrence_key) = encounter_label.encounter_key
LEFT JOIN person_label ON crosswalk.person_id = person_label.person_id
WHERE
    known.value_number IS NOT NULL
    -- Below what can be measured is no number to follow.
    AND known.value_operator IS NULL
    AND known.status IN ('final', 'amended', 'corrected')
