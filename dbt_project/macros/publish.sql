{#- Make a table of schema access equal to this model: policies depend on that table, so it is not made anew. -#}
{% macro publish(target, columns) -%}
    {%- set own = columns | join(', ') -%}
    DELETE FROM {{ target }} AS old
    WHERE NOT EXISTS (
        SELECT FROM {{ this }} AS new
        WHERE ROW({% for column in columns %}new.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
            IS NOT DISTINCT FROM ROW({% for column in columns %}old.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
    );
    INSERT INTO {{ target }} ({{ own }}) SELECT {{ own }} FROM {{ this }} ON CONFLICT DO NOTHING;
    ANALYZE {{ target }}
{%- endmacro %}
