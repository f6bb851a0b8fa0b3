{#- Columns of bronze that hold codings: (table, column). -#}
{% macro coded_columns() -%}
    {{ return([
        ('condition_occurrence', 'codings'),
        ('medication', 'codings'),
        ('drug_exposure', 'codings'),
        ('drug_exposure', 'route_codings'),
        ('procedure_occurrence', 'codings'),
        ('device', 'codings'),
        ('device_exposure', 'codings'),
        ('measurement', 'codings'),
        ('measurement', 'value_codings'),
        ('observation', 'codings'),
        ('observation', 'reason_codings'),
        ('specimen', 'codings'),
        ('specimen', 'body_site_codings'),
        ('payer_plan_period', 'type_codings'),
        ('claim_line', 'codings'),
        ('claim_line', 'revenue_codings'),
        ('claim_line', 'drg_codings'),
        ('note', 'type_codings'),
        ('provider', 'specialty_codings'),
        ('provider_role', 'specialty_codings'),
        ('care_site', 'place_of_service_codings'),
        ('visit_occurrence', 'type_codings'),
    ]) }}
{%- endmacro %}
