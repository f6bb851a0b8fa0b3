{#- Checks that one row passes or not, by itself or beside its person, death and visit and what its keys name: all of them in
    one reading of the table, in which every join finds one row at most. -#}
{% macro quality_row_counts(model, checks, counts) -%}
    {{ counts }} AS (
        SELECT
            {%- for check in checks %}
            count(*) FILTER (
                WHERE {{ quality_denominator(check) }} AND {{ quality_violation(check) }}
            ) AS violated_{{ check.ordinal }},
            count(*) FILTER (WHERE {{ quality_denominator(check) }}) AS denominator_{{ check.ordinal }}{{ ',' if not loop.last }}
            {%- endfor %}
        FROM {{ quality_from(model, checks) }}
    )
{%- endmacro %}

{#- Up to a hundred keys for each check; where nothing violates it the table is not read again. -#}
{% macro quality_row_examples(model, checks, counts, key) -%}
    {%- set examples = [] -%}
    {%- if key -%}
        {%- for check in checks -%}
            {%- set select -%}
                (
                    SELECT {{ check.ordinal }}, checked.{{ key }}::bigint, checked.person_id::bigint
                    FROM {{ quality_from(model, [check]) }}
                    WHERE
                        (SELECT violated_{{ check.ordinal }} > 0 FROM {{ counts }})
                        AND {{ quality_denominator(check) }} AND {{ quality_violation(check) }}
                    LIMIT 100
                )
            {%- endset -%}
            {%- do examples.append(select) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(examples) -}}
{%- endmacro %}

{% macro quality_from(model, checks) -%}
    {{ model }} AS checked
    {%- set names = checks | map(attribute='check_name') | list -%}
    {%- if 'plausibleAfterBirth' in names or 'plausibleGender' in names or 'plausibleGenderUseDescendants' in names %}
    LEFT JOIN {{ quality_table(model, 'person') }} AS person ON checked.person_id = person.person_id
    {%- endif -%}
    {%- if 'plausibleBeforeDeath' in names %}
    LEFT JOIN {{ quality_table(model, 'death') }} AS death ON checked.person_id = death.person_id
    {%- endif -%}
    {%- if 'withinVisitDates' in names %}
    LEFT JOIN {{ quality_table(model, 'visit_occurrence') }} AS visit
        ON checked.visit_occurrence_id = visit.visit_occurrence_id
    {%- endif -%}
    {%- for check in checks if check.check_name == 'isForeignKey' %}
    {%- set table, field = check.expected.split('.') %}
    LEFT JOIN {{ quality_table(model, table) }} AS named_{{ check.ordinal }}
        ON checked.{{ check.cdm_field }} = named_{{ check.ordinal }}.{{ field }}
    {%- endfor -%}
{%- endmacro %}

{% macro quality_table(model, name) -%}
    {{- api.Relation.create(database=model.database, schema=model.schema, identifier=name) -}}
{%- endmacro %}

{#- Which rows a check is about. -#}
{% macro quality_denominator(check) -%}
    {%- set field = 'checked.' ~ check.cdm_field -%}
    {%- set name = check.check_name -%}
    {%- if name in ('isRequired', 'measureValueCompleteness') -%}
        true
    {%- elif name == 'plausibleStartBeforeEnd' or name == 'plausibleTemporalAfter' -%}
        {{ field }} IS NOT NULL AND checked.{{ check.expected }} IS NOT NULL
    {%- elif name == 'plausibleAfterBirth' -%}
        {{ field }} IS NOT NULL AND person.year_of_birth IS NOT NULL
    {%- elif name == 'plausibleBeforeDeath' -%}
        {{ field }} IS NOT NULL AND death.death_date IS NOT NULL
    {%- elif name == 'withinVisitDates' -%}
        {{ field }} IS NOT NULL AND visit.visit_occurrence_id IS NOT NULL
    {%- elif name == 'plausibleUnitConceptIds' -%}
        checked.measurement_concept_id = {{ check.concept_id }}
        AND checked.value_as_number IS NOT NULL AND checked.unit_concept_id IS NOT NULL
    {%- elif name == 'plausibleGender' -%}
        {{ field }} = {{ check.concept_id }}
    {%- elif name == 'plausibleGenderUseDescendants' -%}
        {{ field }} IN (
            SELECT {{ check.concept_id }}
            UNION ALL
            SELECT descendant_concept_id FROM {{ source('vocab', 'concept_ancestor') }}
            WHERE ancestor_concept_id = {{ check.concept_id }}
        )
    {%- elif check.concept_id -%}
        checked.measurement_concept_id = {{ check.concept_id }}
        AND checked.unit_concept_id = {{ check.unit_concept_id }} AND {{ field }} IS NOT NULL
    {%- else -%}
        {{ field }} IS NOT NULL
    {%- endif -%}
{%- endmacro %}

{#- What is wrong with a row that the check is about. -#}
{% macro quality_violation(check) -%}
    {%- set field = 'checked.' ~ check.cdm_field -%}
    {%- set name = check.check_name -%}
    {%- if name in ('isRequired', 'measureValueCompleteness') -%}
        {{ field }} IS NULL
    {%- elif name == 'isForeignKey' -%}
        named_{{ check.ordinal }}.{{ check.expected.split('.')[1] }} IS NULL
    {%- elif name in ('standardConceptRecordCompleteness', 'sourceConceptRecordCompleteness') -%}
        {{ field }} = 0
    {%- elif name == 'plausibleValueLow' -%}
        {{ field }} < {{ quality_bound(check.expected) }}
    {%- elif name == 'plausibleValueHigh' -%}
        {{ field }} > {{ quality_bound(check.expected) }}
    {%- elif name == 'plausibleStartBeforeEnd' -%}
        {{ field }} > checked.{{ check.expected }}
    {%- elif name == 'plausibleTemporalAfter' -%}
        {{ field }} < checked.{{ check.expected }}
    {%- elif name == 'plausibleAfterBirth' -%}
        {#- Of a birth of which only the year is known, any day of it may be the one. -#}
        (extract(YEAR FROM {{ field }}), extract(MONTH FROM {{ field }}), extract(DAY FROM {{ field }}))
        < (person.year_of_birth, coalesce(person.month_of_birth, 1), coalesce(person.day_of_birth, 1))
    {%- elif name == 'plausibleBeforeDeath' -%}
        {{ field }}::date > death.death_date + 60
    {%- elif name == 'withinVisitDates' -%}
        {{ field }}::date NOT BETWEEN visit.visit_start_date - 7 AND visit.visit_end_date + 7
    {%- elif name == 'plausibleUnitConceptIds' -%}
        checked.unit_concept_id NOT IN ({{ check.expected | replace('|', ', ') }})
    {%- elif name in ('plausibleGender', 'plausibleGenderUseDescendants') -%}
        person.gender_concept_id <> {{ check.expected }} AND person.gender_concept_id IN (8507, 8532)
    {%- else -%}
        {{- exceptions.raise_compiler_error('quality_check: ' ~ name ~ ' is no check of a row') -}}
    {%- endif -%}
{%- endmacro %}

{#- A number as it is; of days, tomorrow, this year or an ISO date. -#}
{% macro quality_bound(expected) -%}
    {%- if expected == 'tomorrow' -%}
        CURRENT_DATE + 1
    {%- elif expected == 'this_year' -%}
        extract(YEAR FROM CURRENT_DATE)
    {%- elif modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', expected) -%}
        '{{ expected }}'::date
    {%- else -%}
        {{ expected }}
    {%- endif -%}
{%- endmacro %}
