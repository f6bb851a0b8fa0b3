-- CMS130, colorectal cancer screening (2026).
WITH
encounter AS (
    {{ first_encounter(adult_outpatient_encounters()) | indent(4) }}
),

own_exclusion AS (
    SELECT
        {{ own_exclusion() | indent(8) }}
    {{ events(['malignant_neoplasm_of_colon', 'total_colectomy']) | indent(4) }}
    WHERE
        (
            event.value_set = 'malignant_neoplasm_of_colon'
            AND event.bronze_table = 'condition_occurrence'
            AND event.start_date <= person.period_end
        )
        OR (
            event.value_set = 'total_colectomy'
            AND event.bronze_table = 'procedure_occurrence'
            AND event.end_date <= person.last_day
        )
),

exclusion AS (
    {{ first_exclusion(exclusions_of_older_adults(), 'own_exclusion') | indent(4) }}
),

screening AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.end_date,
        {{ in_words('event.value_set') }} || ' by ' || event.code || ' on ' || event.end_date AS reason
    {{ events(['fobt', 'sdna_fit', 'flexible_sigmoidoscopy', 'ct_colonography', 'colonoscopy']) | indent(4) }}
    WHERE
        event.end_date <= person.last_day
        AND CASE event.value_set
            WHEN 'fobt'
                THEN event.bronze_table = 'measurement' AND event.has_value AND event.end_date >= person.period_start
            WHEN 'sdna_fit'
                THEN
                    event.bronze_table = 'measurement'
                    AND event.has_value
                    AND event.end_date >= person.period_start - interval '2 years'
            WHEN 'ct_colonography'
                THEN
                    event.bronze_table = 'measurement'
                    AND event.categories @> ARRAY['imaging']
                    AND event.end_date >= person.period_start - interval '4 years'
            WHEN 'flexible_sigmoidoscopy'
                THEN
                    event.bronze_table = 'procedure_occurrence'
                    AND event.end_date >= person.period_start - interval '4 years'
            WHEN 'colonoscopy'
                THEN
                    event.bronze_table = 'procedure_occurrence'
                    AND event.end_date >= person.period_start - interval '9 years'
        END
    ORDER BY event.person_id ASC, event.end_date DESC, event.cdm_table ASC, event.cdm_id ASC, event.value_set ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age NOT BETWEEN 46 AND 75 THEN 'age ' || person.age || ' is outside 46 to 75'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'age ' || person.age AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        screening.person_id IS NOT NULL AS is_numerator,
        coalesce(screening.reason, 'no colorectal screening within its look-back') AS outcome_reason,
        CASE WHEN screening.person_id IS NOT NULL THEN {{ deciding_row('screening') }} END AS outcome_rows,
        screening.end_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN screening ON person.person_id = screening.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS130') }}
