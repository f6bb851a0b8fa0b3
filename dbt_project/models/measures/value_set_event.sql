-- Events of the value sets the measures use. Codes are matched once each, then joined to events. What a source codes in
-- systems that a value set does not list is reached through the vocabulary: it is a member if its standard concept is.
WITH
{{ matched_codes(ref('event_coding')) }},

matched_concept AS (
    SELECT DISTINCT
        value_set.name,
        concept.concept_id,
        concept.concept_code
    FROM {{ source('vocab', 'concept') }} AS concept
    INNER JOIN {{ ref('value_set') }} AS value_set
        ON
            concept.vocabulary_id = value_set.vocabulary_id
            AND concept.concept_code = value_set.code
            AND NOT value_set.is_prefix
    WHERE concept.standard_concept = 'S'
),

listed_system AS (
    SELECT DISTINCT
        value_set.name,
        code_in_use.system
    FROM {{ ref('value_set') }} AS value_set
    INNER JOIN code_in_use ON value_set.vocabulary_id = code_in_use.vocabulary_id
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
UNION ALL
SELECT
    matched_concept.name AS value_set,
    source.cdm_table,
    source.cdm_id,
    source.person_id,
    min(matched_concept.concept_code) AS code
FROM matched_concept
INNER JOIN {{ ref('event_source') }} AS source ON matched_concept.concept_id = source.concept_id
WHERE
    -- What a record is of is a visit's class, not its type.
    source.bronze_table <> 'visit_occurrence'
    AND NOT EXISTS (
        SELECT
        FROM {{ ref('event_coding') }} AS coding
        INNER JOIN listed_system ON coding.system = listed_system.system
        WHERE
            matched_concept.name = listed_system.name
            AND source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
    )
GROUP BY matched_concept.name, source.cdm_table, source.cdm_id, source.person_id
