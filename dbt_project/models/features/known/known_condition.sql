-- Which value sets the codes of a condition are in is found for each list of codings once.
WITH
fact AS (
    {{ known_rows('condition_occurrence', ref('int_bronze_event'), {
        'visit_occurrence_key': 'event.visit_occurrence_key',
        'codings': 'event.codings',
        'code_text': 'event.code_text',
        'clinical_status': 'event.clinical_status',
        'verification_status': 'event.verification_status',
        'condition_start_date': 'event.start_date',
        'condition_end_date': 'event.end_date',
    }) }}
),

{{ known_labels() }},

codings_list AS (
    SELECT DISTINCT codings
    FROM fact
),

in_value_set AS (
    SELECT
        codings_list.codings,
        array_agg(DISTINCT value_set.name ORDER BY value_set.name) AS value_sets
    FROM codings_list
    CROSS JOIN LATERAL jsonb_array_elements(codings_list.codings) AS element (coding)
    LEFT JOIN {{ ref('code_system') }} AS code_system ON element.coding ->> 'system' = code_system.system
    INNER JOIN {{ ref('value_set') }} AS value_set
        ON
            coalesce(code_system.vocabulary_id, element.coding ->> 'system') = value_set.vocabulary_id
            AND (
                element.coding ->> 'code' = value_set.code
                OR (value_set.is_prefix AND starts_with(element.coding ->> 'code', value_set.code))
            )
    WHERE value_set.name IN ('diabetes', 'essential_hypertension')
    GROUP BY codings_list.codings
)

SELECT
    crosswalk.person_id,
    fact.bronze_key AS condition_id,
    coalesce(code.concept_id, 0) AS condition_concept_id,
    CASE
        WHEN coalesce(code.concept_id, 0) = 0 THEN coalesce(left(coalesce(code.source_code, fact.code_text), 50), '')
        ELSE ''
    END AS unmapped_code,
    coalesce(in_value_set.value_sets, '{}') AS value_sets,
    fact.clinical_status,
    -- What has no day of its own counts from the day on which it was known.
    coalesce(fact.condition_start_date, {{ utc_day('fact.known_from') }}) AS condition_start_date,
    fact.condition_end_date,
    {{ utc_day('fact.known_from') }} AS known_from,
    {{ utc_day('fact.known_until') }} AS known_until,
    {{ known_sensitivity(
        ['resource_label.codes', 'encounter_label.codes', 'row_label.codes', 'person_label.codes'],
        'fact.security_labels'
    ) }} AS sensitivity
FROM fact
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON fact.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_code') }} AS code ON fact.codings = code.codings AND code.target_number = 1
LEFT JOIN in_value_set ON fact.codings = in_value_set.codings
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON fact.visit_occurrence_key = alias.alias_key
LEFT JOIN resource_label ON fact.resource_key = resource_label.resource_key
LEFT JOIN encounter_label
    ON coalesce(alias.resource_key, fact.visit_occurrence_key) = encounter_label.encounter_key
LEFT JOIN row_label ON fact.bronze_key = row_label.cdm_id
LEFT JOIN person_label ON crosswalk.person_id = person_label.person_id
WHERE
    coalesce(fact.verification_status, 'confirmed') = 'confirmed'
    AND coalesce(code.domain_id, 'Condition') = 'Condition'
