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
{{- quality_reads() -}}
{{- quality_checks(model, category) -}}
{% endtest %}
