-- CMS117, childhood immunization status, combination 10 (2026). Which vaccines count for which antigen, from which age
-- and on how many days, is in the seed immunization_evidence.
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'home_healthcare', 'preventive_care_established_child', 'preventive_care_initial_child',
        'office_visit_minimal', 'virtual_encounter', 'telephone_visit'
    ]) | indent(4) }}
),

-- Events of a child's first two years.
early_event AS (
    SELECT
        event.person_id,
        person.birth_date,
        event.value_set,
        event.bronze_table,
        event.kind,
        event.status,
        event.categories,
        event.code,
        event.cdm_table,
        event.cdm_id,
        event.start_date
    FROM {{ ref('measure_event') }} AS event
    INNER JOIN {{ ref('measure_person') }} AS person ON event.person_id = person.person_id AND person.age = 2
    WHERE event.start_date >= person.birth_date AND event.start_date <= person.birth_date + interval '2 years'
),

dose AS (
    SELECT
        person_id,
        birth_date,
        value_set,
        cdm_table,
        cdm_id,
        start_date
    FROM early_event
    WHERE
        -- Value sets of vaccines are of immunizations, those of their administration of procedures.
        CASE
            WHEN value_set = 'newborn_vaccine' OR value_set LIKE '%administered'
                THEN bronze_table = 'procedure_occurrence'
            ELSE kind IN ('immunization', 'statement') AND status = 'completed'
        END
),

counted AS (
    SELECT
        dose.person_id,
        evidence.antigen,
        count(DISTINCT dose.start_date) AS days,
        -- One dose of a product that takes a dose more: then so do all.
        max(evidence.days) AS days_needed,
        array_agg(DISTINCT dose.start_date) AS dates,
        max(dose.start_date) AS last_date,
        jsonb_agg(DISTINCT jsonb_build_object('cdm_table', dose.cdm_table, 'cdm_id', dose.cdm_id)) AS deciding_rows
    FROM dose
    INNER JOIN {{ ref('immunization_evidence') }} AS evidence
        ON dose.value_set = evidence.value_set AND evidence.evidence = 'dose'
    WHERE
        dose.start_date
        >= dose.birth_date + evidence.counts_from_days + make_interval(years => evidence.counts_from_years)
    GROUP BY dose.person_id, evidence.antigen
),

diagnosis AS (
    SELECT
        person_id,
        value_set,
        code,
        start_date,
        cdm_table,
        cdm_id
    FROM early_event
    WHERE
        bronze_table = 'condition_occurrence'
        -- As the logic is written, measles on the problem list alone do not count.
        AND (value_set <> 'measles' OR categories && ARRAY['encounter-diagnosis'])
),

met AS (
    SELECT
        person_id,
        antigen,
        deciding_rows,
        last_date
    FROM counted
    WHERE days >= days_needed
    UNION ALL
    -- The nasal vaccine counts on the second birthday alone, beside one dose of any other.
    SELECT
        counted.person_id,
        counted.antigen,
        counted.deciding_rows || {{ deciding_row('nasal') }} AS deciding_rows,
        nasal.start_date AS last_date
    FROM counted
    INNER JOIN dose AS nasal
        ON
            counted.person_id = nasal.person_id
            AND nasal.value_set IN ('influenza_virus_laiv_vaccine', 'influenza_virus_laiv_vaccine_administered')
            AND nasal.start_date = nasal.birth_date + interval '2 years'
    WHERE counted.antigen = 'influenza'
    UNION ALL
    -- Two doses against hepatitis B after the one that the newborn was given.
    SELECT
        counted.person_id,
        counted.antigen,
        counted.deciding_rows || {{ deciding_row('newborn') }} AS deciding_rows,
        counted.last_date
    FROM counted
    INNER JOIN dose AS newborn
        ON
            counted.person_id = newborn.person_id
            AND newborn.value_set = 'newborn_vaccine'
            AND newborn.start_date <= newborn.birth_date + 7
    INNER JOIN LATERAL (
        SELECT count(*) AS days
        FROM unnest(counted.dates) AS given (day)
        WHERE given.day > newborn.start_date
    ) AS later ON later.days >= 2
    WHERE counted.antigen = 'hepatitis B'
    UNION ALL
    SELECT
        diagnosis.person_id,
        evidence.antigen,
        {{ deciding_row('diagnosis') }} AS deciding_rows,
        diagnosis.start_date AS last_date
    FROM diagnosis
    INNER JOIN {{ ref('immunization_evidence') }} AS evidence
        ON diagnosis.value_set = evidence.value_set AND evidence.evidence = 'diagnosis'
    UNION ALL
    -- Who had all three diseases needs no vaccine against them.
    SELECT
        person_id,
        'MMR' AS antigen,
        jsonb_agg(DISTINCT jsonb_build_object('cdm_table', cdm_table, 'cdm_id', cdm_id)) AS deciding_rows,
        max(start_date) AS last_date
    FROM diagnosis
    WHERE value_set IN ('measles', 'mumps', 'rubella')
    GROUP BY person_id
    HAVING count(DISTINCT value_set) = 3
),

first_met AS (
    SELECT DISTINCT ON (person_id, antigen)
        person_id,
        antigen,
        deciding_rows,
        last_date
    FROM met
    ORDER BY person_id, antigen, last_date, deciding_rows
),

needed AS (
    SELECT DISTINCT antigen
    FROM {{ ref('immunization_evidence') }}
),

immunity AS (
    SELECT
        person.person_id,
        string_agg(needed.antigen, ', ' ORDER BY needed.antigen) FILTER (WHERE first_met.antigen IS NULL) AS missing,
        max(first_met.last_date) AS last_date,
        jsonb_path_query_array(
            coalesce(jsonb_agg(first_met.deciding_rows ORDER BY needed.antigen), '[]'::jsonb), '$[*][*]'
        ) AS deciding_rows
    FROM {{ ref('measure_person') }} AS person
    CROSS JOIN needed
    LEFT JOIN first_met ON person.person_id = first_met.person_id AND needed.antigen = first_met.antigen
    WHERE person.age = 2
    GROUP BY person.person_id
),

own_exclusion AS (
    SELECT
        event.person_id,
        {{ in_words('event.value_set') }} AS rule,
        event.start_date AS first_date,
        {{ in_words('event.value_set') }} || ' by ' || event.code || ' on ' || event.start_date AS reason,
        {{ deciding_row('event') }} AS deciding_rows
    FROM diagnosis AS event
    WHERE
        event.value_set IN (
            'severe_combined_immunodeficiency', 'disorders_of_the_immune_system', 'hiv',
            'malignant_neoplasm_of_lymphatic_tissue', 'intussusception'
        )
),

exclusion AS (
    {{ first_exclusion(['hospice care'], 'own_exclusion') | indent(4) }}
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age <> 2 THEN 'age ' || person.age || ' is not 2'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        'turned 2 on ' || (person.birth_date + interval '2 years')::date AS population_reason,
        {{ deciding_row('encounter') }} AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        immunity.missing IS NULL AS is_numerator,
        coalesce('not immunized: ' || immunity.missing, 'immunized against all ten') AS outcome_reason,
        immunity.deciding_rows AS outcome_rows,
        immunity.last_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN immunity ON person.person_id = immunity.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS117') }}
