{#- What was ordered or done about a finding, each with its purpose. From {kind: {value set: [purposes]}} with the kinds
    order, medication and procedure: orders of services and of medications that stand, by the day they were authored,
    procedures by their time, and of medications their supply. -#}
{% macro interventions(meant) -%}
SELECT
    found.person_id,
    found.kind,
    meant.purpose,
    found.cdm_table,
    found.cdm_id,
    found.code,
    found.intervention_date,
    found.intervention_datetime,
    found.supply_start_date,
    found.supply_end_date
FROM (
    SELECT
        person_id,
        'order' AS kind,
        value_set,
        cdm_table,
        cdm_id,
        code,
        authored_date AS intervention_date,
        NULL::timestamp AS intervention_datetime,
        NULL::date AS supply_start_date,
        NULL::date AS supply_end_date
    FROM {{ ref('measure_order') }}
    WHERE kind = 'service-order' AND value_set IN {{ listed(meant['order']) | indent(4) }}
    UNION ALL
    SELECT
        person_id,
        'medication' AS kind,
        value_set,
        cdm_table,
        cdm_id,
        code,
        authored_date AS intervention_date,
        NULL AS intervention_datetime,
        supply_start_date,
        supply_end_date
    FROM {{ ref('measure_event') }}
    WHERE
        kind = 'prescription'
        AND status IN ('active', 'completed')
        AND intent IN {{ order_intents() }}
        AND value_set IN {{ listed(meant['medication']) | indent(8) }}
    UNION ALL
    SELECT
        person_id,
        'procedure' AS kind,
        value_set,
        cdm_table,
        cdm_id,
        code,
        start_date AS intervention_date,
        start_datetime AS intervention_datetime,
        NULL AS supply_start_date,
        NULL AS supply_end_date
    FROM {{ ref('measure_event') }}
    WHERE bronze_table = 'procedure_occurrence' AND value_set IN {{ listed(meant['procedure']) | indent(4) }}
) AS found
INNER JOIN (
    VALUES
    {%- for kind, value_sets in meant.items() -%}
    {%- set last_kind = loop.last -%}
    {%- for value_set, purposes in value_sets.items() -%}
    {%- set last_value_set = loop.last -%}
    {%- for purpose in purposes %}
    ('{{ kind }}', '{{ value_set }}', '{{ purpose }}'){{ ',' if not (last_kind and last_value_set and loop.last) }}
    {%- endfor -%}
    {%- endfor -%}
    {%- endfor %}
) AS meant (kind, value_set, purpose) ON found.kind = meant.kind AND found.value_set = meant.value_set
{%- endmacro %}
