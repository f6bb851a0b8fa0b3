{#- The audit event of reading documents of everyone, in the transaction that makes this model of them. -#}
{% macro record_read(object_kind) -%}
    SELECT audit.append(
        'service:transform', 'HOPERAT', 'read', NULL, '{{ object_kind }}', '{}', (SELECT count(*) FROM {{ this }}),
        jsonb_build_object('invocation', '{{ invocation_id }}')
    )
{%- endmacro %}
