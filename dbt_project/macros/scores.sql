{#- What the risk scores share. Each model of a score has one row per person and these columns; risk_score puts them
    together, judges whether a score can be computed (nothing is lacking) and labels it. -#}
{% macro score_columns(risk_score_id, unit) -%}
    '{{ risk_score_id }}' AS risk_score_id,
    '{{ unit }}' AS unit
{%- endmacro %}

{#- CTEs comorbidity and unjudged of a CTE diagnosis (person_id, category, cdm_table, cdm_id), whose category is null
    where the diagnosis could not be judged: the points of each person's comorbidities, the graver of two counting
    alone, and the rows behind them. -#}
{% macro comorbidity_points(risk_score_id) -%}
found AS (
    SELECT DISTINCT
        diagnosis.person_id,
        score_weight.category,
        score_weight.weight,
        score_weight.graver_category
    FROM diagnosis
    INNER JOIN {{ ref('score_weight') }} AS score_weight
        ON score_weight.risk_score_id = '{{ risk_score_id }}' AND diagnosis.category = score_weight.category
),

counted AS (
    SELECT
        found.person_id,
        found.category,
        found.weight
    FROM found
    LEFT JOIN found AS graver ON found.person_id = graver.person_id AND found.graver_category = graver.category
    WHERE graver.person_id IS NULL
),

comorbidity_row AS (
    SELECT
        counted.person_id,
        {{ deciding_rows('diagnosis') }} AS deciding_rows
    FROM counted
    INNER JOIN diagnosis ON counted.person_id = diagnosis.person_id AND counted.category = diagnosis.category
    GROUP BY counted.person_id
),

comorbidity AS (
    SELECT
        counted.person_id,
        sum(counted.weight)::integer AS points,
        jsonb_object_agg(counted.category, counted.weight) AS components,
        comorbidity_row.deciding_rows
    FROM counted
    INNER JOIN comorbidity_row ON counted.person_id = comorbidity_row.person_id
    GROUP BY counted.person_id, comorbidity_row.deciding_rows
),

unjudged AS (
    SELECT
        person_id,
        {{ deciding_rows() }} AS unjudged_rows
    FROM diagnosis
    WHERE category IS NULL
    GROUP BY person_id
)
{%- endmacro %}

{#- A score that is the sum of the weights of a person's comorbidities, and nothing else. -#}
{% macro comorbidity_index(risk_score_id) -%}
WITH
{{ diagnoses_of(risk_score_id) }},

{{ comorbidity_points(risk_score_id) }}

SELECT
    person.person_id,
    {{ score_columns(risk_score_id, 'points') }},
    coalesce(comorbidity.points, 0)::numeric AS score,
    '[]'::jsonb AS lacks,
    coalesce(comorbidity.components, '{}'::jsonb) AS components,
    coalesce(comorbidity.deciding_rows, '[]'::jsonb) AS deciding_rows,
    coalesce(unjudged.unjudged_rows, '[]'::jsonb) AS unjudged_rows
FROM {{ ref('score_person') }} AS person
LEFT JOIN comorbidity ON person.person_id = comorbidity.person_id
LEFT JOIN unjudged ON person.person_id = unjudged.person_id
{%- endmacro %}

{#- CTE diagnosis: everything that counts for a score, or could not be judged. -#}
{% macro diagnoses_of(risk_score_id) -%}
diagnosis AS (
    SELECT
        person_id,
        category,
        cdm_table,
        cdm_id
    FROM {{ ref('score_diagnosis') }}
    WHERE risk_score_id = '{{ risk_score_id }}'
)
{%- endmacro %}

{#- The CDM rows of a group, each once, as deciding_rows names them; of the relation, where there are several. -#}
{% macro deciding_rows(relation=none) -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    jsonb_agg(DISTINCT jsonb_build_object('cdm_table', {{ prefix }}cdm_table, 'cdm_id', {{ prefix }}cdm_id))
{%- endmacro %}

{#- CTE latest: each person's latest value of these key measurements, {column: name}, with its day; a value of zero is
    taken for a placeholder, which no formula could use either, but of the names in zero_is_a_value. -#}
{% macro latest_values(columns, zero_is_a_value=[]) -%}
latest AS (
    SELECT
        person_id,
        {%- for column, name in columns.items() %}
        max(score_value) FILTER (WHERE measurement_name = '{{ name }}') AS {{ column }},
        max(measurement_date) FILTER (WHERE measurement_name = '{{ name }}') AS {{ column }}_date,
        {%- endfor %}
        jsonb_object_agg(
            measurement_name,
            jsonb_build_object('value', round(score_value, 2), 'unit', score_unit, 'date', measurement_date)
        ) AS components,
        {{ deciding_rows() }} AS deciding_rows
    FROM (
        SELECT
            person_id,
            measurement_name,
            score_value,
            score_unit,
            measurement_date,
            cdm_table,
            cdm_id,
            row_number() OVER (
                PARTITION BY person_id, measurement_name
                ORDER BY measurement_date DESC, measurement_datetime DESC NULLS LAST, cdm_id
            ) AS recency
        FROM {{ ref('score_measurement') }}
        WHERE measurement_name IN ('{{ columns.values() | join("', '") }}')
            AND (score_value > 0 OR measurement_name IN ('{{ zero_is_a_value | join("', '") }}'))
    ) AS value
    WHERE recency = 1
    GROUP BY person_id
)
{%- endmacro %}

{#- What is lacking: of {words: condition} the words whose condition does not hold, or is not known to. -#}
{% macro lacks(inputs) -%}
    to_jsonb(
        array_remove(
            ARRAY[
                {%- for words, condition in inputs.items() %}
                CASE WHEN ({{ condition }}) IS NOT TRUE THEN '{{ words }}' END
                {{- ',' if not loop.last }}
                {%- endfor %}
            ],
            NULL
        )
    )
{%- endmacro %}

{#- The arrays of CDM rows in these columns as one, each row once. -#}
{% macro merged_rows(columns) -%}
    (
        SELECT coalesce(jsonb_agg(DISTINCT one.deciding), '[]'::jsonb)
        FROM (
            {%- for column in columns %}
            SELECT jsonb_array_elements({{ column }}) AS deciding
            {{- ' UNION ALL' if not loop.last }}
            {%- endfor %}
        ) AS one
    )
{%- endmacro %}

{#- Completed years of age on a day. -#}
{% macro age_on(day, birth_date) -%}
    extract(YEAR FROM age({{ day }}, {{ birth_date }}))::integer
{%- endmacro %}

{#- The year that CMS pays for on the as-of day; the diagnoses are of the year before. -#}
{% macro payment_year() -%}
    extract(YEAR FROM {{ as_of() }})::integer
{%- endmacro %}
