{{ config(post_hook="{{ publish('access.sensitive_row', ['cdm_table', 'cdm_id', 'person_id', 'sensitivity'], "
    "model=ref('int_row_label')) }}") }}
-- How many rows hide under which label, once every labelled table is made anew: from here on labels that sources took
-- away hide nothing.
{% for table in labelled_tables() -%}
-- depends_on: {{ ref(table) }}
{% endfor -%}
SELECT
    label.cdm_table,
    code.label AS code,
    count(*) AS labelled_rows
FROM {{ ref('int_row_label') }} AS label
CROSS JOIN LATERAL unnest(label.sensitivity) AS code (label)
GROUP BY label.cdm_table, code.label
