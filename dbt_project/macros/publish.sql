{#- Make a table of schema access equal to this model, or another: policies depend on that table, so it is not made
    anew. Only columns named in nullable may be null: the others are compared by what a hash join can use. -#}
{% macro publish(target, columns, nullable=[], model=none) -%}
    {%- set own = columns | join(', ') -%}
    {%- set source = model or this -%}
    DELETE FROM {{ target }} AS old
    WHERE NOT EXISTS (
        SELECT FROM {{ source }} AS new
        WHERE
            {% for column in columns -%}
                new.{{ column }} {{ 'IS NOT DISTINCT FROM' if column in nullable else '=' }} old.{{ column }}
                {{- ' AND ' if not loop.last }}
            {%- endfor %}
    );
    INSERT INTO {{ target }} ({{ own }}) SELECT {{ own }} FROM {{ source }} ON CONFLICT DO NOTHING;
    ANALYZE {{ target }}
{%- endmacro %}
