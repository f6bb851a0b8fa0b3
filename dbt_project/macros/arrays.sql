{#- A JSON array of bronze as an array of texts or of keys; null stays null. -#}
{% macro texts_of(column) -%}
    CASE WHEN {{ column }} IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text({{ column }})) END
{%- endmacro %}

{% macro keys_of(column) -%}
    CASE WHEN {{ column }} IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text({{ column }})::bigint) END
{%- endmacro %}
