-- CMS130, colorectal cancer screening (2026).
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'virtual_encounter', 'telephone_visit'
    ]) | indent(4) }}
),

own_exclusion AS (
    SELECT
        event.person_id,
        CASE event.value_set
            WHEN 'total_colectomy' THEN 'total colectomy'
            ELSE 'malignant neoplasm of colon'
        END AS rule,
        event.start_date AS first_date,
        CASE event.value_set WHEN 'total_colectomy' THEN 'total colectomy' ELSE 'malignant neoplasm of colon' END
        || ' (' || event.code || ') on ' || event.start_date AS reason,
        {{ deciding_row('event') }} AS deciding_rows
    FROM {{ ref('measure_event') }} AS event
    INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id
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
    {{ first_exclusion([
        'hospice care', 'palliative care', 'long-term nursing home resident', 'frailty with advanced illness'
    ], 'own_exclusion') | indent(4) }}
),

screening AS (
    SELECT DISTINCT ON (event.person_id)
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.code,
        event.end_date,
        replace(event.value_set, '_', ' ') AS kind
    FROM {{ ref('measure_event') }} AS event
    INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id
    WHERE
        event.end_date <= person.last_day
        AND (
            (
                event.bronze_table = 'procedure_occurrence'
                AND event.status = 'completed'
                AND (
                    (event.value_set = 'colonoscopy' AND event.end_date >= person.period_start - interval '9 years')
                    OR (
                        event.value_set = 'flexible_sigmoidoscopy'
                        AND event.end_date >= person.period_start - interval '4 years'
                    )
                )
            )
            OR (
                event.bronze_table IN ('measurement', 'observation')
                AND event.status IN ('final', 'amended', 'corrected')
                AND (
                    (event.value_set = 'fobt' AND event.has_value AND event.end_date >= person.period_start)
                    OR (
                        event.value_set = 'sdna_fit'
                        AND event.has_value
                        AND event.end_date >= person.period_start - interval '2 years'
                    )
                    OR (
                        event.value_set = 'ct_colonography'
                        AND event.end_date >= person.period_start - interval '4 years'
                    )
                )
            )
        )
    ORDER BY event.person_id ASC, event.end_date DESC, event.cdm_table ASC, event.cdm_id ASC
),

judged AS (
    SELECT
        person.person_id,
        person.age,
        encounter.person_id IS NOT NULL AS has_encounter,
        exclusion.person_id IS NOT NULL AS is_excluded,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        person.age BETWEEN 46 AND 75 AND encounter.person_id IS NOT NULL AS is_eligible,
        {{ deciding_row('encounter') }} AS population_rows,
        screening.kind AS screening_kind,
        screening.code AS screening_code,
        CASE WHEN screening.person_id IS NOT NULL THEN {{ deciding_row('screening') }} END AS deciding_rows,
        screening.end_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN screening ON person.person_id = screening.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

SELECT
    {{ measure_columns('CMS130', 'last_event_date IS NOT NULL') }},
    CASE
        WHEN age NOT BETWEEN 46 AND 75 THEN 'age ' || age || ' is outside 46 to 75'
        WHEN NOT has_encounter THEN 'no qualifying encounter in the period'
        WHEN is_excluded THEN 'excluded: ' || exclusion_reason
        WHEN last_event_date IS NULL THEN 'no colorectal screening within its look-back'
        ELSE screening_kind || ' (' || screening_code || ') on ' || last_event_date
    END AS reason
FROM judged
