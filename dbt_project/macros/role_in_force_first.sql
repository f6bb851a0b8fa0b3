{#- The order by which one of a practitioner's roles speaks for them: active ones first, then those in force, then later ones. -#}
{% macro role_in_force_first() -%}
provider_key ASC,
        is_active DESC,
        (coalesce(end_date, {{ as_of() }}) >= {{ as_of() }}) DESC,
        start_date DESC NULLS LAST,
        provider_role_key ASC
{%- endmacro %}
