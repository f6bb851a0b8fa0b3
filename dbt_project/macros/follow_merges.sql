{#- What Sanctum itself recorded of a person goes with them when sources merge them with another. -#}
{% macro follow_merges() -%}
    SELECT access.follow_merges(array_agg(crosswalk.person_key), array_agg(crosswalk.person_id))
    FROM {{ ref('person_crosswalk') }} AS crosswalk
    INNER JOIN {{ source('bronze', 'person') }} AS person ON crosswalk.person_key = person.person_key
    WHERE crosswalk.person_key <> crosswalk.person_id
{%- endmacro %}
