{#- The Data Quality Dashboard's checks of one table, of one of its categories (Kahn et al. 2016,
    doi:10.13063/2327-9214.1244), as the seed quality_check lists them. A row says of a check how many rows violate it, of how
    many; where some do, further rows have the keys of up to a hundred of them. What fails is counted by check. -#}
{% test quality(model, category) %}
    {{- config(
        severity='error' if category == 'conformance' else 'warn',
        store_failures=true,
        schema='quality',
        tags=['quality'],
        meta={'refresh': {'kept': true}},
        fail_calc='count(*) FILTER (WHERE is_failed AND row_key IS NULL)',
    ) -}}
    {#- What the checks look at beside the table has to be there before. -#}
    {%- for name in [
        'quality_check', 'quality_check_type', 'person', 'death', 'visit_occurrence', 'visit_detail', 'provider', 'care_site',
        'location', 'condition_occurrence', 'payer_plan_period', 'note',
    ] -%}
        {%- do ref(name) -%}
    {%- endfor -%}
    {{ quality_checks(model, category) }}
{% endtest %}
