{#- The day features are computed for; both ends of the measurement period. Set by resources.dbt.variables. -#}
{% macro as_of() -%}
    {%- if var('as_of') -%} DATE '{{ var('as_of') }}' {%- else -%} current_date {%- endif -%}
{%- endmacro %}

{% macro period_start() -%}
    {%- if var('period_start') -%} DATE '{{ var('period_start') }}'
    {%- else -%} date_trunc('year', {{ as_of() }})::date {%- endif -%}
{%- endmacro %}

{% macro period_end() -%}
    {%- if var('period_end') -%} DATE '{{ var('period_end') }}'
    {%- else -%} (date_trunc('year', {{ as_of() }}) + interval '1 year - 1 day')::date {%- endif -%}
{%- endmacro %}

{#- The day on which care relationships are judged: that of today's access, whatever day features are computed for. -#}
{% macro access_day() -%}
    {%- if var('access_day') -%} DATE '{{ var('access_day') }}' {%- else -%} current_date {%- endif -%}
{%- endmacro %}
