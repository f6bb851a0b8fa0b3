-- Ten-year risk of a first hard atherosclerotic event by the pooled cohort equations, as a percentage.
WITH
{{ diagnoses_of('ascvd_pooled_cohort') }},

disease AS (
    SELECT
        person_id,
        {{ deciding_rows() }} FILTER (WHERE category = 'diabetes') AS diabetes_rows,
        {{ deciding_rows() }} FILTER (WHERE category = 'atherosclerotic cardiovascular disease')
            AS atherosclerosis_rows,
        {{ deciding_rows() }} FILTER (WHERE category IS NULL) AS unjudged_rows
    FROM diagnosis
    GROUP BY person_id
),

{{ latest_values({
    'total_cholesterol': 'Total cholesterol',
    'hdl_cholesterol': 'HDL cholesterol',
    'systolic_pressure': 'Systolic blood pressure',
}) }},

-- LOINC 72166-2: tobacco smoking status. Answers are known by LOINC's codes or by their words, since the codes most
-- sources write are SNOMED CT's.
answer AS (
    SELECT DISTINCT ON (source.person_id)
        source.person_id,
        source.cdm_table,
        source.cdm_id,
        source.value_codings -> 0 ->> 'code' AS code,
        coalesce(source.value_codings -> 0 ->> 'display', source.value_text) AS words
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ ref('event_coding') }} AS coding
        ON
            source.cdm_table = coding.cdm_table
            AND source.cdm_id = coding.cdm_id
            AND coding.system = 'http://loinc.org'
            AND coding.code = '72166-2'
    WHERE
        source.start_date <= {{ as_of() }}
        AND source.status IN ('final', 'amended', 'corrected')
        AND (source.value_codings IS NOT NULL OR source.value_text IS NOT NULL)
    ORDER BY
        source.person_id ASC, source.start_date DESC, source.start_datetime DESC NULLS LAST, source.cdm_id ASC
),

smoking AS (
    SELECT
        answer.person_id,
        CASE
            WHEN answer.code IN ('LA18976-3', 'LA18977-1', 'LA18981-3', 'LA18982-1') THEN TRUE
            WHEN answer.code IN ('LA18978-9', 'LA15920-4') THEN FALSE
            WHEN answer.words ~* '\m(unknown|not known|passive)\M' THEN NULL
            WHEN answer.words ~* '\m(never|ex|former|formerly|non|not|stopped|quit)\M' THEN FALSE
            WHEN answer.words ~* '\m(current|every day|daily|some days?|heavy|light|smokes|smoker)\M' THEN TRUE
        END AS is_smoker,
        {{ deciding_row('answer') }} AS deciding_rows
    FROM answer
),

treatment AS (
    SELECT
        drug.person_id,
        {{ deciding_rows('drug') }} AS deciding_rows
    FROM {{ ref('event_source') }} AS drug
    INNER JOIN {{ source('vocab', 'concept_ancestor') }} AS made_of ON drug.concept_id = made_of.descendant_concept_id
    INNER JOIN {{ source('vocab', 'concept') }} AS ingredient
        ON made_of.ancestor_concept_id = ingredient.concept_id AND ingredient.vocabulary_id = 'RxNorm'
    INNER JOIN {{ ref('antihypertensive_ingredient') }} AS antihypertensive
        ON ingredient.concept_code = antihypertensive.rxnorm_code
    WHERE
        drug.cdm_table = 'drug_exposure'
        AND drug.has_happened
        AND drug.is_record_of_care
        AND drug.start_date <= {{ as_of() }}
        AND coalesce(drug.end_date, drug.start_date) > {{ as_of() }} - interval '1 year'
    GROUP BY drug.person_id
),

input AS (
    SELECT
        person.person_id,
        person.age,
        person.sex,
        person.race,
        latest.total_cholesterol,
        latest.hdl_cholesterol,
        latest.systolic_pressure,
        smoking.is_smoker,
        treatment.person_id IS NOT NULL AS is_treated,
        disease.diabetes_rows IS NOT NULL AS has_diabetes,
        disease.atherosclerosis_rows IS NOT NULL AS has_atherosclerosis,
        coalesce(latest.components, '{}'::jsonb) AS components,
        latest.deciding_rows AS value_rows,
        smoking.deciding_rows AS smoking_rows,
        treatment.deciding_rows AS treatment_rows,
        disease.diabetes_rows,
        disease.atherosclerosis_rows,
        coalesce(disease.unjudged_rows, '[]'::jsonb) AS unjudged_rows
    FROM {{ ref('score_person') }} AS person
    LEFT JOIN latest ON person.person_id = latest.person_id
    LEFT JOIN smoking ON person.person_id = smoking.person_id
    LEFT JOIN treatment ON person.person_id = treatment.person_id
    LEFT JOIN disease ON person.person_id = disease.person_id
),

judged AS (
    SELECT
        *,
        {{ lacks({
            'age from 40 to 79': 'age BETWEEN 40 AND 79',
            'sex, female or male': 'sex IS NOT NULL',
            'race with an equation, White or Black': 'race IS NOT NULL',
            'total cholesterol from 130 to 320 mg/dL': 'total_cholesterol BETWEEN 130 AND 320',
            'HDL cholesterol from 20 to 100 mg/dL': 'hdl_cholesterol BETWEEN 20 AND 100',
            'systolic blood pressure from 90 to 200 mm[Hg]': 'systolic_pressure BETWEEN 90 AND 200',
            'smoking status': 'is_smoker IS NOT NULL',
            'freedom from atherosclerotic cardiovascular disease': 'NOT has_atherosclerosis',
        }) }} AS lacks
    FROM input
),

-- Logarithms of what is lacking, or beyond what the equations are for, are not taken.
logarithm AS (
    SELECT
        person_id,
        ln(age::double precision) AS ln_age,
        ln(total_cholesterol::double precision) AS ln_total_cholesterol,
        ln(hdl_cholesterol::double precision) AS ln_hdl_cholesterol,
        CASE WHEN is_treated THEN ln(systolic_pressure::double precision) ELSE 0 END AS ln_treated_pressure,
        CASE WHEN is_treated THEN 0 ELSE ln(systolic_pressure::double precision) END AS ln_untreated_pressure,
        is_smoker::integer AS smoker,
        has_diabetes::integer AS diabetes,
        race,
        sex
    FROM judged
    WHERE lacks = '[]'
),

summed AS (
    SELECT
        logarithm.person_id,
        coefficient.baseline_survival,
        coefficient.ln_age * logarithm.ln_age
        + coefficient.ln_age_squared * logarithm.ln_age * logarithm.ln_age
        + coefficient.ln_total_cholesterol * logarithm.ln_total_cholesterol
        + coefficient.ln_age_ln_total_cholesterol * logarithm.ln_age * logarithm.ln_total_cholesterol
        + coefficient.ln_hdl_cholesterol * logarithm.ln_hdl_cholesterol
        + coefficient.ln_age_ln_hdl_cholesterol * logarithm.ln_age * logarithm.ln_hdl_cholesterol
        + coefficient.ln_treated_pressure * logarithm.ln_treated_pressure
        + coefficient.ln_age_ln_treated_pressure * logarithm.ln_age * logarithm.ln_treated_pressure
        + coefficient.ln_untreated_pressure * logarithm.ln_untreated_pressure
        + coefficient.ln_age_ln_untreated_pressure * logarithm.ln_age * logarithm.ln_untreated_pressure
        + coefficient.smoker * logarithm.smoker
        + coefficient.ln_age_smoker * logarithm.ln_age * logarithm.smoker
        + coefficient.diabetes * logarithm.diabetes
        - coefficient.mean_sum AS exponent
    FROM logarithm
    INNER JOIN {{ ref('pooled_cohort_coefficient') }} AS coefficient
        ON logarithm.race = coefficient.race AND logarithm.sex = coefficient.sex
)

SELECT
    judged.person_id,
    {{ score_columns('ascvd_pooled_cohort', '%') }},
    round((100 * (1 - power(summed.baseline_survival, exp(summed.exponent))))::numeric, 1) AS score,
    judged.lacks,
    judged.components || jsonb_strip_nulls(
        jsonb_build_object(
            'age', judged.age,
            'sex', judged.sex,
            'race', judged.race,
            'smoker', judged.is_smoker,
            'treated blood pressure', judged.is_treated,
            'diabetes', judged.has_diabetes
        )
    ) AS components,
    {{ merged_rows([
        'judged.value_rows', 'judged.smoking_rows', 'judged.treatment_rows', 'judged.diabetes_rows',
        'judged.atherosclerosis_rows',
    ]) }} AS deciding_rows,
    judged.unjudged_rows
FROM judged
LEFT JOIN summed ON judged.person_id = summed.person_id
