-- Of an order or a supply the last day is that of its days, each refill as many again; an order that says neither goes
-- on.
WITH
fact AS (
    {{ known_rows('drug_exposure', ref('int_bronze_event'), {
        'visit_occurrence_key': 'event.visit_occurrence_key',
        'medication_key': 'event.named_key',
        'codings': 'event.codings',
        'code_text': 'event.code_text',
        'kind': 'event.kind',
        'status': 'event.status',
        'drug_exposure_start_date': 'event.start_date',
        'drug_exposure_end_date': 'event.end_date',
        'days_supply': 'row_of.days_supply',
        'refills': 'row_of.refills',
    }) }}
),

{{ known_labels() }},

named AS (
    SELECT
        fact.*,
        coalesce(alias.resource_key, fact.medication_key) AS named_key,
        CASE WHEN fact.codings = '[]' THEN coalesce(medication.codings, '[]') ELSE fact.codings END
            AS all_codings,
        coalesce(fact.code_text, medication.code_text) AS text_of_code
    FROM fact
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON fact.medication_key = alias.alias_key
    LEFT JOIN {{ source('bronze', 'medication') }} AS medication
        ON coalesce(alias.resource_key, fact.medication_key) = medication.medication_key
)

SELECT
    crosswalk.person_id,
    named.bronze_key AS drug_id,
    coalesce(code.concept_id, 0) AS drug_concept_id,
    CASE
        WHEN coalesce(code.concept_id, 0) = 0
            THEN coalesce(left(coalesce(code.source_code, named.text_of_code), 50), '')
        ELSE ''
    END AS unmapped_code,
    named.all_codings -> 0 ->> 'display' AS display,
    named.kind,
    named.status,
    coalesce(named.drug_exposure_start_date, {{ utc_day('named.known_from') }}) AS drug_start_date,
    CASE
        WHEN named.days_supply IS NOT NULL
            THEN
                coalesce(named.drug_exposure_start_date, {{ utc_day('named.known_from') }})
                + named.days_supply * (1 + coalesce(named.refills, 0)) - 1
        -- Bronze ends an order without a supply on the day it starts.
        WHEN named.kind = 'prescription'
            THEN nullif(named.drug_exposure_end_date, named.drug_exposure_start_date)
        ELSE named.drug_exposure_end_date
    END AS drug_end_date,
    {{ utc_day('named.known_from') }} AS known_from,
    {{ utc_day('named.known_until') }} AS known_until,
    {{ known_sensitivity(
        [
            'resource_label.codes', 'encounter_label.codes', 'medication_label.codes', 'row_label.codes',
            'person_label.codes',
        ],
        'named.security_labels'
    ) }} AS sensitivity
FROM named
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON named.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_code') }} AS code ON named.all_codings = code.codings AND code.target_number = 1
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON named.visit_occurrence_key = alias.alias_key
LEFT JOIN resource_label ON named.resource_key = resource_label.resource_key
LEFT JOIN encounter_label
    ON coalesce(alias.resource_key, named.visit_occurrence_key) = encounter_label.encounter_key
LEFT JOIN resource_label AS medication_label ON named.named_key = medication_label.resource_key
LEFT JOIN row_label ON named.bronze_key = row_label.cdm_id
LEFT JOIN person_label ON crosswalk.person_id = person_label.person_id
-- What was given once, or into the vein, is not taken.
WHERE named.kind IN ('prescription', 'dispensing', 'statement', 'medication-list')
