{#- Every check of a table and category: what it counts, and up to a hundred keys of rows that violate it. Each macro below
    takes the checks of its kind and gives selects of (ordinal, violated_rows, denominator_rows); where rows have a key and a
    person, examples of (ordinal, row_key, person_id) too. -#}
{% macro quality_checks(model, category) -%}
    {%- set checks = quality_checks_of(model, category) -%}
    {%- set kinds = {
        'row': ['isRequired', 'measureValueCompleteness', 'standardConceptRecordCompleteness',
                'sourceConceptRecordCompleteness', 'plausibleValueLow', 'plausibleValueHigh', 'plausibleTemporalAfter',
                'plausibleAfterBirth', 'plausibleBeforeDeath', 'plausibleStartBeforeEnd', 'withinVisitDates',
                'plausibleUnitConceptIds', 'plausibleGender', 'plausibleGenderUseDescendants'],
        'concept': ['fkDomain', 'fkClass', 'isStandardValidConcept'],
    } -%}
    {%- set key = quality_key(model) -%}
    {%- set rows, concepts, references, others = [], [], [], [] -%}
    {%- for check in checks -%}
        {%- if check.check_name in kinds.row -%}
            {%- do rows.append(check) -%}
        {%- elif check.check_name in kinds.concept or check.expected == 'concept.concept_id' -%}
            {%- do concepts.append(check) -%}
        {%- elif check.check_name == 'isForeignKey' -%}
            {%- do references.append(check) -%}
        {%- else -%}
            {%- do others.append(check) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set counted, examples, tables = [], [], [] -%}
    {%- if rows -%}
        {%- do tables.append(quality_row_counts(model, rows, 'row_counts')) -%}
        {%- do counted.append(quality_unpivoted(rows, 'row_counts')) -%}
        {%- do examples.extend(quality_row_examples(model, rows, 'row_counts', key)) -%}
    {%- endif -%}
    {%- if references -%}
        {%- do tables.append(quality_row_counts(model, references, 'reference_counts')) -%}
        {%- do counted.append(quality_unpivoted(references, 'reference_counts')) -%}
        {%- do examples.extend(quality_row_examples(model, references, 'reference_counts', key)) -%}
    {%- endif -%}
    {%- if concepts -%}
        {%- do tables.append(quality_concept_rows(model, concepts, key)) -%}
        {%- do counted.append(quality_concept_counts(concepts)) -%}
        {%- if key -%}
            {%- do examples.append(quality_concept_examples(model, concepts, key)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- for check in others -%}
        {%- do counted.append(quality_table_check(model, check)) -%}
    {%- endfor -%}
    {%- if not checks -%}
        {%- do counted.append('SELECT NULL::integer, NULL::bigint, NULL::bigint WHERE false') -%}
    {%- endif -%}
    {%- if not examples -%}
        {%- do examples.append('SELECT NULL::integer, NULL::bigint, NULL::bigint WHERE false') -%}
    {%- endif -%}
    WITH checks (ordinal, check_name, cdm_field, concept_id, unit_concept_id, threshold) AS (
        {%- for check in checks %}
        {{ 'UNION ALL' if not loop.first }} SELECT
            {{ check.ordinal }}, '{{ check.check_name }}', {{ quality_text(check.cdm_field) }},
            {{ check.concept_id or 'NULL' }}::integer, {{ check.unit_concept_id or 'NULL' }}::integer,
            {{ check.threshold if check.threshold is not none else 'NULL' }}::numeric
        {%- else %}
        SELECT NULL::integer, NULL::text, NULL::text, NULL::integer, NULL::integer, NULL::numeric WHERE false
        {%- endfor %}
    ),
    {% for table in tables %}
    {{ table }},
    {% endfor %}
    counted (ordinal, violated_rows, denominator_rows) AS (
        {{ counted | join('\nUNION ALL\n') }}
    ),
    examples (ordinal, row_key, person_id) AS (
        {{ examples | join('\nUNION ALL\n') }}
    ),
    judged AS (
        SELECT
            checks.*,
            counted.violated_rows,
            counted.denominator_rows,
            coalesce(100.0 * counted.violated_rows > checks.threshold * counted.denominator_rows, false) AS is_failed
        FROM checks
        INNER JOIN counted USING (ordinal)
    )
    SELECT
        judged.check_name::text,
        '{{ model.identifier }}'::text AS cdm_table,
        judged.cdm_field::text,
        judged.concept_id,
        judged.unit_concept_id,
        judged.violated_rows,
        judged.denominator_rows,
        judged.threshold,
        judged.is_failed,
        example.row_key,
        example.person_id
    FROM judged
    CROSS JOIN LATERAL (
        SELECT NULL::bigint AS row_key, NULL::bigint AS person_id
        UNION ALL
        SELECT examples.row_key, examples.person_id FROM examples WHERE examples.ordinal = judged.ordinal
    ) AS example
{%- endmacro %}

{#- The seed's lines of a table and category, in their order; none while dbt only parses. -#}
{% macro quality_checks_of(model, category) -%}
    {%- set checks = [] -%}
    {%- if execute -%}
        {%- set query -%}
            SELECT
                listed.cdm_field, listed.concept_id, listed.unit_concept_id, listed.check_name, listed.expected,
                listed.threshold
            FROM {{ ref('quality_check') }} AS listed
            INNER JOIN {{ ref('quality_check_type') }} AS kind USING (check_name)
            WHERE listed.cdm_table = '{{ model.identifier }}' AND kind.category = '{{ category }}'
            ORDER BY listed.check_name, listed.cdm_field, listed.concept_id, listed.unit_concept_id
        {%- endset -%}
        {%- for line in run_query(query) -%}
            {%- do checks.append({
                'ordinal': loop.index0, 'cdm_field': line[0], 'concept_id': line[1], 'unit_concept_id': line[2],
                'check_name': line[3], 'expected': line[4], 'threshold': line[5],
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(checks) -}}
{%- endmacro %}

{#- The key of a table whose rows belong to persons; none of other tables, of which no examples are kept. -#}
{% macro quality_key(model) -%}
    {%- set fields, found = [], [] -%}
    {%- if execute -%}
        {%- set query -%}
            SELECT cdm_field, check_name FROM {{ ref('quality_check') }}
            WHERE cdm_table = '{{ model.identifier }}' AND (check_name = 'isPrimaryKey' OR cdm_field = 'person_id')
        {%- endset -%}
        {%- for line in run_query(query) -%}
            {%- do fields.append(line[0]) -%}
            {%- if line[1] == 'isPrimaryKey' -%}
                {%- do found.append(line[0]) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(found[0] if found and 'person_id' in fields else none) -}}
{%- endmacro %}

{% macro quality_text(value) -%}
    {{- 'NULL' if value is none or value == '' else "'" ~ value ~ "'" -}}
{%- endmacro %}

{#- The counts of many checks, which one row has, as a row each. -#}
{% macro quality_unpivoted(checks, counts) -%}
    SELECT counts.*
    FROM {{ counts }}
    CROSS JOIN LATERAL (
        VALUES
        {%- for check in checks %}
        ({{ check.ordinal }}, {{ counts }}.violated_{{ check.ordinal }}, {{ counts }}.denominator_{{ check.ordinal }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) AS counts
{%- endmacro %}

{#- What the checks look at beside their table has to be there before them. -#}
{% macro quality_reads() -%}
    {%- for name in [
        'quality_check', 'quality_check_type', 'person', 'death', 'visit_occurrence', 'visit_detail', 'provider', 'care_site',
        'location', 'condition_occurrence', 'payer_plan_period', 'note',
    ] -%}
        {%- do ref(name) -%}
    {%- endfor -%}
{%- endmacro %}
