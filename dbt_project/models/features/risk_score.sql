WITH
score AS (
    {% for score in [
        'charlson', 'elixhauser', 'elixhauser_ahrq_mortality', 'elixhauser_ahrq_readmission', 'lace', 'hospital',
        'cha2ds2_vasc', 'ascvd_pooled_cohort', 'ckd_epi_2021', 'fib4', 'hcc_v28'
    ] %}
    SELECT
        person_id,
        risk_score_id,
        score,
        unit,
        lacks,
        components,
        deciding_rows,
        unjudged_rows
    FROM {{ ref('score_' ~ score) }}
    {{ 'UNION ALL' if not loop.last }}
    {% endfor %}
),

-- A score tells what it rests on, and that there is what it can't judge; it is as sensitive as all that and its person.
made_of AS (
    SELECT
        score.person_id,
        score.risk_score_id,
        deciding.one ->> 'cdm_table' AS cdm_table,
        (deciding.one ->> 'cdm_id')::bigint AS cdm_id
    FROM score
    CROSS JOIN LATERAL jsonb_array_elements(score.deciding_rows || score.unjudged_rows) AS deciding (one)
    UNION ALL
    SELECT
        person_id,
        risk_score_id,
        'person' AS cdm_table,
        person_id AS cdm_id
    FROM score
),

label AS (
    SELECT
        made_of.person_id,
        made_of.risk_score_id,
        unnest(labelled.sensitivity) AS code
    FROM made_of
    INNER JOIN {{ ref('int_sensitive_row') }} AS labelled
        ON made_of.cdm_table = labelled.cdm_table AND made_of.cdm_id = labelled.cdm_id
    UNION
    -- Most lines of claims are no rows of the CDM.
    SELECT
        score.person_id,
        score.risk_score_id,
        labelled.code
    FROM score
    INNER JOIN {{ ref('stay_diagnosis') }} AS diagnosis ON score.person_id = diagnosis.person_id
    INNER JOIN {{ ref('int_claim_label') }} AS labelled ON diagnosis.resource_key = labelled.resource_key
    WHERE score.risk_score_id IN ('elixhauser_ahrq_mortality', 'elixhauser_ahrq_readmission')
),

score_label AS (
    SELECT
        person_id,
        risk_score_id,
        array_agg(DISTINCT code ORDER BY code) AS sensitivity
    FROM label
    GROUP BY person_id, risk_score_id
)

SELECT
    score.person_id,
    score.risk_score_id,
    CASE WHEN score.lacks = '[]' THEN score.score END AS score,
    score.unit,
    score.lacks = '[]' AS is_computable,
    array(SELECT jsonb_array_elements_text(score.lacks)) AS lacks,
    score.components,
    jsonb_array_length(score.unjudged_rows) AS diagnoses_not_judged,
    score.deciding_rows,
    {{ as_of() }} AS as_of,
    coalesce(score_label.sensitivity, '{}') AS sensitivity
FROM score
LEFT JOIN score_label ON score.person_id = score_label.person_id AND score.risk_score_id = score_label.risk_score_id
