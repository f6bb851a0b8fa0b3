{#- What Sanctum itself recorded of a person goes with them when sources merge them with another, and comes back. -#}
{% macro follow_merges() -%}
    SELECT access.follow_merges(array_agg(crosswalk.person_key), array_agg(crosswalk.person_id))
    FROM {{ ref('person_crosswalk') }} AS crosswalk
    WHERE crosswalk.person_key IN (SELECT access.recorded_ids())
{%- endmacro %}
