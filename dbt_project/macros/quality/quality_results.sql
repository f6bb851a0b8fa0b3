{#- What the quality tests of this invocation found, added to what those before it found; and the guard of the tables with
    the keys, which dbt makes for tests without a hook. Until then, too, nobody was granted to read them. -#}
{% macro quality_results(results) -%}
    {%- if execute -%}
        {%- set done = [] -%}
        {%- for result in results if 'quality' in result.node.tags and result.status in ('pass', 'warn', 'fail') -%}
            {%- do done.append(result.node) -%}
        {%- endfor -%}
        {%- for node in done -%}
            SELECT access.guard('{{ node.relation_name }}');
        {%- endfor -%}
        {%- if done -%}
            INSERT INTO quality.check_result (
                invocation_id, category, check_name, cdm_table, cdm_field, concept_id, unit_concept_id, violated_rows,
                denominator_rows, threshold, is_failed
            )
            {%- for node in done %}
            {{ 'UNION ALL' if not loop.first }}
            SELECT
                '{{ invocation_id }}', '{{ node.test_metadata.kwargs.category }}', check_name, cdm_table, cdm_field,
                concept_id, unit_concept_id, violated_rows, denominator_rows, threshold, is_failed
            FROM {{ node.relation_name }}
            WHERE row_key IS NULL
            {%- endfor %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
