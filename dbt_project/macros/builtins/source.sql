{#- Bronze as a refresh reads it: rows of its persons and what these name, as temporary tables. Else as it is. Labels are
    published only when it takes over: its tests read those that will be. -#}
{% macro source(source_name, table_name) -%}
    {%- set relation = builtins.source(source_name, table_name) -%}
    {%- if var('refresh') and source_name == 'bronze' -%}
        {%- set relation = relation.incorporate(path={'schema': 'pg_temp', 'identifier': 'bronze_' ~ table_name}) -%}
    {%- elif var('refresh') and source_name == 'access' and table_name == 'sensitive_row' -%}
        {%- set relation = relation.incorporate(path={'schema': 'pg_temp', 'identifier': 'int_row_label'}) -%}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}
