{#- Checks of concepts. Each concept that a field has is looked up once, however many rows have it. -#}
{% macro quality_concept_rows(model, checks, key) -%}
    {%- set fields = checks | map(attribute='cdm_field') | unique | list -%}
    concept_rows AS (
        SELECT
            used.cdm_field,
            used.concept_id,
            used.concept_rows,
            used.row_key,
            known.concept_id IS NOT NULL AS is_known,
            known.domain_id,
            known.concept_class_id,
            known.standard_concept = 'S' AND known.invalid_reason IS NULL AS is_standard
        FROM (
            SELECT
                field.cdm_field,
                field.concept_id,
                count(*) AS concept_rows,
                {{ 'min(checked.' ~ key ~ ')' if key else 'NULL' }}::bigint AS row_key
            FROM {{ model }} AS checked
            CROSS JOIN LATERAL (
                VALUES
                {%- for field in fields %}
                ('{{ field }}', checked.{{ field }}){{ ',' if not loop.last }}
                {%- endfor %}
            ) AS field (cdm_field, concept_id)
            WHERE field.concept_id IS NOT NULL
            GROUP BY field.cdm_field, field.concept_id
        ) AS used
        LEFT JOIN {{ source('vocab', 'concept') }} AS known ON used.concept_id = known.concept_id
    )
{%- endmacro %}

{% macro quality_concept_counts(checks) -%}
    {%- for check in checks %}
    {{ 'UNION ALL' if not loop.first }}
    SELECT
        {{ check.ordinal }},
        coalesce(sum(used.concept_rows) FILTER (WHERE {{ quality_concept_violation(check) }}), 0)::bigint,
        coalesce(sum(used.concept_rows), 0)::bigint
    FROM concept_rows AS used
    WHERE used.cdm_field = '{{ check.cdm_field }}'
    {%- endfor %}
{%- endmacro %}

{#- One row for each concept in violation. -#}
{% macro quality_concept_examples(model, checks, key) -%}
    {%- for check in checks %}
    {{ 'UNION ALL' if not loop.first }}
    (
        SELECT {{ check.ordinal }}, used.row_key, checked.person_id::bigint
        FROM concept_rows AS used
        INNER JOIN {{ model }} AS checked ON used.row_key = checked.{{ key }}
        WHERE used.cdm_field = '{{ check.cdm_field }}' AND {{ quality_concept_violation(check) }}
        LIMIT 100
    )
    {%- endfor %}
{%- endmacro %}

{% macro quality_concept_violation(check) -%}
    {%- if check.check_name == 'isForeignKey' -%}
        NOT used.is_known
    {%- elif check.check_name == 'fkDomain' -%}
        used.concept_id <> 0 AND used.domain_id <> '{{ check.expected }}'
    {%- elif check.check_name == 'fkClass' -%}
        used.concept_id <> 0 AND used.concept_class_id <> '{{ check.expected }}'
    {%- elif check.check_name == 'isStandardValidConcept' -%}
        used.concept_id <> 0 AND used.is_known AND used.is_standard IS NOT TRUE
    {%- else -%}
        {{- exceptions.raise_compiler_error('quality_check: ' ~ check.check_name ~ ' is no check of a concept') -}}
    {%- endif -%}
{%- endmacro %}
