{#- Schemas are named as they are: omop, features, measures; no prefix of the target. What a refresh makes is temporary. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if var('refresh') and node.resource_type == 'model' and not node.config.meta.get('refresh', {}).get('kept') -%}
        pg_temp
    {%- else -%}
        {{ custom_schema_name or target.schema }}
    {%- endif -%}
{%- endmacro %}
