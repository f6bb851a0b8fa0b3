{#- Checks of a table as a whole, each a query of its own. -#}
{% macro quality_table_check(model, check) -%}
    {%- set name, field = check.check_name, check.cdm_field -%}
    {%- if name in ('cdmField', 'cdmDatatype') -%}
        SELECT {{ check.ordinal }}, (NOT coalesce(bool_or(
            {{ 'true' if name == 'cdmField' else quality_is_of_type(check.expected) }}
        ), false))::integer::bigint, 1::bigint
        FROM information_schema.columns AS found
        WHERE
            found.table_schema = '{{ model.schema }}'
            AND found.table_name = '{{ model.identifier }}'
            AND found.column_name = '{{ field }}'
    {%- elif name == 'isPrimaryKey' -%}
        SELECT {{ check.ordinal }}, coalesce(sum(copies) FILTER (WHERE copies > 1), 0)::bigint, coalesce(sum(copies), 0)::bigint
        FROM (SELECT count(*) AS copies FROM {{ model }} GROUP BY {{ field }}) AS key
    {%- elif name == 'measurePersonCompleteness' -%}
        SELECT
            {{ check.ordinal }},
            count(*) FILTER (WHERE checked.person_id IS NULL),
            count(*)
        FROM {{ quality_table(model, 'person') }} AS person
        LEFT JOIN (SELECT DISTINCT person_id FROM {{ model }}) AS checked ON person.person_id = checked.person_id
    {%- elif name == 'measureConditionEraCompleteness' -%}
        SELECT
            {{ check.ordinal }},
            count(*) FILTER (WHERE checked.person_id IS NULL),
            count(*)
        FROM (
            SELECT DISTINCT person_id FROM {{ quality_table(model, 'condition_occurrence') }} WHERE condition_concept_id <> 0
        ) AS condition
        LEFT JOIN (SELECT DISTINCT person_id FROM {{ model }}) AS checked ON condition.person_id = checked.person_id
    {%- elif name == 'measureObservationPeriodOverlap' -%}
        SELECT
            {{ check.ordinal }},
            count(*) FILTER (WHERE period.observation_period_start_date <= period.latest_end + 1),
            count(*)
        FROM (
            SELECT
                observation_period_start_date,
                max(observation_period_end_date) OVER (
                    PARTITION BY person_id
                    ORDER BY observation_period_start_date, observation_period_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS latest_end
            FROM {{ model }}
        ) AS period
    {%- elif name == 'sourceValueCompleteness' -%}
        SELECT {{ check.ordinal }}, count(*) FILTER (WHERE NOT value.is_mapped), count(*)
        FROM (
            SELECT bool_or({{ check.expected }} <> 0) AS is_mapped
            FROM {{ model }}
            WHERE {{ field }} IS NOT NULL
            GROUP BY {{ field }}
        ) AS value
    {%- else -%}
        {{- exceptions.raise_compiler_error('quality_check: ' ~ name ~ ' is no check that is known') -}}
    {%- endif -%}
{%- endmacro %}

{#- Whether a column of information_schema has a type of the CDM. Keys are hashes of 63 bits, so bigint is an integer. -#}
{% macro quality_is_of_type(cdm_datatype) -%}
    {%- set types = {
        'integer': ['integer', 'bigint'], 'bigint': ['bigint'], 'date': ['date'], 'text': ['text'],
        'timestamp': ['timestamp without time zone'], 'numeric': ['numeric'],
    } -%}
    {%- set length = modules.re.fullmatch('varchar\(([0-9]+)\)', cdm_datatype) -%}
    {%- if length -%}
        found.data_type = 'character varying' AND found.character_maximum_length = {{ length.group(1) }}
    {%- elif cdm_datatype in types -%}
        found.data_type IN ('{{ types[cdm_datatype] | join("', '") }}')
    {%- else -%}
        {{- exceptions.raise_compiler_error('quality_check: ' ~ cdm_datatype ~ ' is no type of the CDM') -}}
    {%- endif -%}
{%- endmacro %}
