{#- Who sees which row of a table with persons: access.guard decides, in the transaction that makes the table. -#}
{% macro row_security() -%}
    {%- if model.config.meta.get('row_security') == 'none' -%}
        ALTER TABLE {{ this }} DISABLE ROW LEVEL SECURITY
    {%- else -%}
        SELECT access.guard('{{ this }}')
    {%- endif -%}
{%- endmacro %}
