-- Values of key measurements in the unit that features have them in; one in a unit that none of ours is made of is no
-- value here.
WITH
fact AS (
    {{ known_rows('measurement', ref('int_bronze_event'), {
        'visit_occurrence_key': 'event.visit_occurrence_key',
        'codings': 'event.codings',
        'status': 'event.status',
        'measurement_date': 'event.start_date',
        'measurement_datetime': 'event.start_datetime',
        'value_number': 'row_of.value_number',
        'value_operator': 'row_of.value_operator',
        'unit_code': 'row_of.unit_code',
    }) }}
),

{{ known_labels() }},

codings_list AS (
    SELECT DISTINCT codings
    FROM fact
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
    fact.bronze_key AS measurement_id,
    key_codings.measurement_name,
    coalesce(fact.measurement_date, {{ utc_day('fact.known_from') }}) AS measurement_date,
    fact.measurement_datetime,
    round(fact.value_number * unit.factor + unit.addend, 6) AS value_as_number,
    unit.feature_unit AS unit,
    {{ utc_day('fact.known_from') }} AS known_from,
    {{ utc_day('fact.known_until') }} AS known_until,
    {{ known_sensitivity(
        ['resource_label.codes', 'encounter_label.codes', 'row_label.codes', 'person_label.codes'],
        'fact.security_labels'
    ) }} AS sensitivity
FROM fact
INNER JOIN key_codings ON fact.codings = key_codings.codings
INNER JOIN {{ ref('measurement_unit') }} AS unit
    ON key_codings.measurement_name = unit.measurement_name AND fact.unit_code = unit.unit_code
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON fact.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON fact.visit_occurrence_key = alias.alias_key
LEFT JOIN resource_label ON fact.resource_key = resource_label.resource_key
LEFT JOIN encounter_label
    ON coalesce(alias.resource_key, fact.visit_occurrence_key) = encounter_label.encounter_key
LEFT JOIN row_label ON fact.bronze_key = row_label.cdm_id
LEFT JOIN person_label ON crosswalk.person_id = person_label.person_id
WHERE
    fact.value_number IS NOT NULL
    -- Below what can be measured is no number to follow.
    AND fact.value_operator IS NULL
    AND fact.status IN ('final', 'amended', 'corrected')
