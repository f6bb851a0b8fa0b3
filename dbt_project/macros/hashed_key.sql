{#- A positive 63-bit key of texts: the first half of their MD5, joined by the unit separator. -#}
{% macro hashed_key(texts) -%}
    (('x' || left(md5({{ texts | join(" || chr(31) || ") }}), 16))::bit(64)::bigint & 9223372036854775807)
{%- endmacro %}
