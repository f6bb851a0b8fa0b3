-- CMS131, diabetes: eye exam (2026).
WITH
encounter AS (
    {{ first_encounter([
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'ophthalmological_services', 'telephone_visit'
    ]) | indent(4) }}
),

diagnosis AS (
    {{ first_condition(
        ['diabetes'], "event.categories @> ARRAY['encounter-diagnosis'] AND " ~ is_prevalent()
    ) | indent(4) }}
),

retinopathy AS (
    {{ first_condition(['diabetic_retinopathy'], is_prevalent()) | indent(4) }}
),

own_exclusion AS (
    SELECT
        {{ own_exclusion() | indent(8) }}
    {{ events(['absence_of_both_eyes']) | indent(4) }}
    WHERE event.bronze_table = 'condition_occurrence' AND event.start_date <= person.period_end
),

exclusion AS (
    {{ first_exclusion(exclusions_of_older_adults(), 'own_exclusion') | indent(4) }}
),

-- Exams of the period and of the year before it; of one eye or of both, with what they found.
exam AS (
    SELECT
        event.person_id,
        event.cdm_table,
        event.cdm_id,
        event.code,
        event.value_set,
        event.end_date,
        found.value_set AS finding,
        event.start_date >= person.period_start AS is_in_period,
        event.end_date <= person.period_end - interval '1 year' AS is_in_year_before
    {{ events([
        'retinal_or_dilated_eye_exam', 'autonomous_eye_exam', 'left_eye_retinopathy_severity',
        'right_eye_retinopathy_severity'
    ]) | indent(4) }}
    LEFT JOIN {{ ref('measure_element') }} AS found
        ON
            event.cdm_table = found.cdm_table
            AND event.cdm_id = found.cdm_id
            AND found.element = 'value'
            AND found.value_set IN (
                'autonomous_eye_exam_result_or_finding', 'diabetic_retinopathy_severity_level',
                'no_apparent_retinopathy'
            )
    WHERE
        event.bronze_table = 'measurement'
        AND event.categories @> ARRAY['exam']
        AND event.start_date >= person.period_start - interval '1 year'
        AND event.end_date <= person.last_day
),

-- Of each eye whether retinopathy was graded in the period, or its absence in the year before.
eye AS (
    SELECT
        exam.person_id,
        exam.value_set,
        min(exam.end_date) AS exam_date,
        jsonb_agg(DISTINCT jsonb_build_object('cdm_table', exam.cdm_table, 'cdm_id', exam.cdm_id)) AS deciding_rows,
        bool_or(exam.is_in_period AND exam.finding = 'diabetic_retinopathy_severity_level') AS is_graded
    FROM exam
    WHERE
        exam.value_set IN ('left_eye_retinopathy_severity', 'right_eye_retinopathy_severity')
        AND (
            (exam.is_in_period AND exam.finding = 'diabetic_retinopathy_severity_level')
            OR (exam.is_in_year_before AND exam.finding = 'no_apparent_retinopathy')
        )
    GROUP BY exam.person_id, exam.value_set
),

met AS (
    SELECT
        exam.person_id,
        exam.end_date AS exam_date,
        {{ in_words('exam.value_set') }} || ' by ' || exam.code || ' on ' || exam.end_date AS reason,
        {{ deciding_row('exam') }} AS deciding_rows
    FROM exam
    LEFT JOIN retinopathy ON exam.person_id = retinopathy.person_id
    WHERE
        (
            exam.value_set = 'retinal_or_dilated_eye_exam'
            AND (exam.is_in_period OR retinopathy.person_id IS NULL)
        )
        OR (
            exam.value_set = 'autonomous_eye_exam'
            AND exam.is_in_period
            AND exam.finding = 'autonomous_eye_exam_result_or_finding'
        )
    UNION ALL
    -- Both eyes: retinopathy graded in the period in one at least, or its absence in both the year before.
    SELECT
        leftward.person_id,
        greatest(leftward.exam_date, rightward.exam_date) AS exam_date,
        'severity of retinopathy of both eyes on ' || leftward.exam_date || ' and ' || rightward.exam_date AS reason,
        leftward.deciding_rows || rightward.deciding_rows AS deciding_rows
    FROM eye AS leftward
    INNER JOIN eye AS rightward
        ON leftward.person_id = rightward.person_id AND rightward.value_set = 'right_eye_retinopathy_severity'
    WHERE leftward.value_set = 'left_eye_retinopathy_severity'
),

screening AS (
    SELECT DISTINCT ON (person_id)
        person_id,
        exam_date,
        reason,
        deciding_rows
    FROM met
    ORDER BY person_id ASC, exam_date DESC, deciding_rows ASC
),

judged AS (
    SELECT
        person.person_id,
        CASE
            WHEN person.age NOT BETWEEN 18 AND 75 THEN 'age ' || person.age || ' is outside 18 to 75'
            WHEN diagnosis.person_id IS NULL THEN 'no encounter diagnosis of diabetes in the period'
            WHEN encounter.person_id IS NULL THEN 'no qualifying encounter in the period'
        END AS ineligible_reason,
        diagnosis.reason || coalesce('; ' || retinopathy.reason, '') AS population_reason,
        {{ deciding_row('diagnosis') }} || {{ deciding_row('encounter') }}
        || CASE
            WHEN retinopathy.person_id IS NOT NULL THEN {{ deciding_row('retinopathy') }} ELSE '[]'::jsonb
        END AS population_rows,
        exclusion.reason AS exclusion_reason,
        exclusion.deciding_rows AS exclusion_rows,
        screening.person_id IS NOT NULL AS is_numerator,
        CASE
            WHEN screening.person_id IS NOT NULL THEN screening.reason
            WHEN retinopathy.person_id IS NOT NULL THEN 'no eye exam in the period'
            ELSE 'no eye exam in the period or the year before'
        END AS outcome_reason,
        screening.deciding_rows AS outcome_rows,
        screening.exam_date AS last_event_date
    FROM {{ ref('measure_person') }} AS person
    LEFT JOIN encounter ON person.person_id = encounter.person_id
    LEFT JOIN diagnosis ON person.person_id = diagnosis.person_id
    LEFT JOIN retinopathy ON person.person_id = retinopathy.person_id
    LEFT JOIN screening ON person.person_id = screening.person_id
    LEFT JOIN exclusion ON person.person_id = exclusion.person_id
)

{{ measure_result('CMS131') }}
