{#- One CDM row as it is named in deciding_rows. -#}
{% macro deciding_row(relation) -%}
    jsonb_build_array(jsonb_build_object('cdm_table', {{ relation }}.cdm_table, 'cdm_id', {{ relation }}.cdm_id))
{%- endmacro %}

{#- Each person's first qualifying encounter among these value sets. -#}
{% macro first_encounter(value_sets) -%}
SELECT DISTINCT ON (person_id)
    person_id,
    cdm_table,
    cdm_id,
    code,
    start_date
FROM {{ ref('outpatient_encounter') }}
WHERE value_set IN ('{{ value_sets | join("', '") }}')
ORDER BY person_id, start_date, cdm_table, cdm_id, code
{%- endmacro %}

{#- Each person's denominator exclusion: the first by name among the shared rules and the measure's own. -#}
{% macro first_exclusion(rules, own) -%}
SELECT DISTINCT ON (person_id)
    person_id,
    reason,
    deciding_rows
FROM (
    SELECT
        person_id,
        rule,
        first_date,
        reason,
        deciding_rows
    FROM {{ ref('person_exclusion') }}
    WHERE rule IN ('{{ rules | join("', '") }}')
    {%- if own %}
    UNION ALL
    SELECT
        person_id,
        rule,
        first_date,
        reason,
        deciding_rows
    FROM {{ own }}
    {%- endif %}
) AS exclusion
ORDER BY person_id, rule, first_date, deciding_rows
{%- endmacro %}

{#- The populations of a measure after precedence, from a CTE judged with is_eligible, is_excluded and what decided. -#}
{% macro measure_columns(measure_id, numerator) -%}
person_id,
    '{{ measure_id }}' AS measure_id,
    is_eligible AS initial_population,
    is_eligible AND is_excluded AS denominator_exclusion,
    is_eligible AND NOT is_excluded AND {{ numerator }} AS numerator,
    CASE
        WHEN is_eligible THEN population_rows || coalesce(exclusion_rows, deciding_rows, '[]'::jsonb)
        ELSE '[]'::jsonb
    END AS deciding_rows,
    last_event_date
{%- endmacro %}
