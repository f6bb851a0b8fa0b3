{#- Rows of one bronze table with the moments between which they were what was known: those of now, and those that later
    versions replaced. Those of now are what omop's rows are made of, as this build began to read it, with the same
    labels: the columns say where they are, event being that model and row_of the table. -#}
{% macro known_rows(table, model, columns) -%}
    SELECT
        row_of.{{ table }}_key AS bronze_key,
        event.resource_key,
        event.person_key,
        {%- for column, current in columns.items() %}
        {{ current }} AS {{ column }},
        {%- endfor %}
        greatest(coalesce(event.known_at, resource.version_at), resource.known_from, earlier.known_until) AS known_from,
        NULL::timestamptz AS known_until,
        NULL::jsonb AS security_labels
    FROM {{ model }} AS event
    INNER JOIN {{ source('bronze', table) }} AS row_of
        ON
            {%- if 'int_bronze_event' in model | string %}
            event.bronze_key = row_of.{{ table }}_key
            AND event.bronze_table = '{{ table }}'
            {%- else %}
            event.{{ table }}_key = row_of.{{ table }}_key
            {%- endif %}
    INNER JOIN {{ source('bronze', 'resource') }} AS resource ON event.resource_key = resource.resource_key
    LEFT JOIN (
        SELECT
            resource_key,
            row_key,
            max(known_until) AS known_until
        FROM {{ source('bronze', 'superseded_row') }}
        WHERE bronze_table = '{{ table }}'
        GROUP BY resource_key, row_key
    ) AS earlier ON event.resource_key = earlier.resource_key AND row_of.{{ table }}_key = earlier.row_key
    UNION ALL
    SELECT
        row_of.{{ table }}_key AS bronze_key,
        superseded.resource_key,
        superseded.person_key,
        {%- for column in columns %}
        row_of.{{ column }},
        {%- endfor %}
        greatest(coalesce(row_of.known_at, superseded.version_at), superseded.known_from) AS known_from,
        superseded.known_until,
        superseded.security_labels
    FROM {{ source('bronze', 'superseded_row') }} AS superseded
    CROSS JOIN LATERAL jsonb_populate_record(NULL::{{ source('bronze', table) }}, superseded.content) AS row_of
    WHERE
        superseded.bronze_table = '{{ table }}'
        -- What came and went within a day was not known at the end of any.
        AND {{ utc_day('greatest(coalesce(row_of.known_at, superseded.version_at), superseded.known_from)') }}
        < {{ utc_day('superseded.known_until') }}
{%- endmacro %}

{#- The day, in UTC, from which a moment counts: features as of a day know what was known when it ended. -#}
{% macro utc_day(moment) -%} ({{ moment }} AT TIME ZONE 'UTC')::date {%- endmacro %}

{#- Labels by record, person and, unless it is of no visit, encounter and row of omop as it is now, as CTEs for
    known_sensitivity. -#}
{% macro known_labels(of_visits=true) -%}
    resource_label AS (
        SELECT
            resource_key,
            array_agg(code) AS codes
        FROM {{ ref('int_resource_label') }}
        GROUP BY resource_key
    ),

    {% if of_visits -%}
    encounter_label AS (
        SELECT
            encounter_key,
            array_agg(code) AS codes
        FROM {{ ref('int_encounter_label') }}
        GROUP BY encounter_key
    ),

    row_label AS (
        SELECT
            labelled.cdm_id,
            array_agg(label.code) AS codes
        FROM {{ ref('int_sensitive_row') }} AS labelled
        CROSS JOIN LATERAL unnest(labelled.sensitivity) AS label (code)
        WHERE labelled.cdm_table <> 'person'
        GROUP BY labelled.cdm_id
    ),

    {% endif -%}
    person_label AS (
        SELECT
            person_id,
            sensitivity AS codes
        FROM {{ ref('int_sensitive_row') }}
        WHERE cdm_table = 'person'
    )
{%- endmacro %}

{#- All labels of a row: of what was joined, and those that its own version had. -#}
{% macro known_sensitivity(codes, security_labels) -%}
    CASE
        WHEN {% for one in codes %}{{ one }} IS NULL AND {% endfor %}{{ security_labels }} IS NULL THEN '{}'::text []
        ELSE ARRAY(
            SELECT code FROM unnest({{ codes | join(' || ') }}) AS code
            UNION
            SELECT CASE WHEN known.hides_rows THEN known.code ELSE 'UNKNOWN' END
            FROM jsonb_array_elements({{ security_labels }}) AS element (coding)
            LEFT JOIN {{ source('access', 'sensitivity') }} AS known ON element.coding ->> 'code' = known.code
            WHERE {{ label_hides() }}
            ORDER BY 1
        )
    END
{%- endmacro %}

{#- Labels of all rows that a group is made of, from their column sensitivity joined as label.code. -#}
{% macro all_labels(expression) -%}
    coalesce(array_agg(DISTINCT {{ expression }} ORDER BY {{ expression }}) FILTER (WHERE {{ expression }} IS NOT NULL), '{}')
{%- endmacro %}

{% macro both_labels(one, other) -%}
    ARRAY(SELECT code FROM unnest({{ one }} || {{ other }}) AS code GROUP BY code ORDER BY code)
{%- endmacro %}

{#- Days as of which features are made: that of the build, and those asked for. -#}
{% macro feature_days() -%}
    SELECT {{ as_of() }} AS as_of
    UNION
    SELECT feature_day AS as_of
    FROM {{ source('build', 'feature_day') }}
{%- endmacro %}

{#- Whether a row was what was known when the day had ended. -#}
{% macro known_on(row_of, day) -%}
    {{ row_of }}.known_from <= {{ day }} AND ({{ row_of }}.known_until > {{ day }} OR {{ row_of }}.known_until IS NULL)
{%- endmacro %}

{#- Concepts of visits: inpatient (9201), emergency room (9203), one that became the other (262, which is both). -#}
{% macro inpatient_visits() -%} 9201, 262 {%- endmacro %}

{% macro emergency_visits() -%} 9203, 262 {%- endmacro %}

{#- Outpatient (9202), at home (581476), by telephone or video (5083); observation (581385) is no admission. -#}
{% macro outpatient_visits() -%} 9202, 581476, 5083, 581385 {%- endmacro %}

{#- Key measurements that person_feature has columns of: beginning of the columns' names, and key measurement. -#}
{% macro wide_measurements() -%}
    {{ return({
        'hemoglobin_a1c': 'Hemoglobin A1c',
        'systolic_blood_pressure': 'Systolic blood pressure',
        'diastolic_blood_pressure': 'Diastolic blood pressure',
        'heart_rate': 'Heart rate',
        'oxygen_saturation': 'Oxygen saturation',
        'body_weight': 'Body weight',
        'body_mass_index': 'Body mass index',
        'creatinine': 'Creatinine',
        'estimated_gfr': 'Estimated glomerular filtration rate',
        'ldl_cholesterol': 'LDL cholesterol',
        'glucose': 'Glucose',
        'potassium': 'Potassium',
        'sodium': 'Sodium',
        'hemoglobin': 'Hemoglobin',
        'urine_albumin_creatinine_ratio': 'Urine albumin to creatinine ratio',
    }) }}
{%- endmacro %}

{#- Of these, those whose slope it has. -#}
{% macro wide_slopes() -%}
    {{ return(['hemoglobin_a1c', 'systolic_blood_pressure', 'body_weight', 'creatinine', 'estimated_gfr']) }}
{%- endmacro %}
