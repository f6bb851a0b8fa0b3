{#- Of a row of int_event with its bronze measurement, if any: the category as the map of type concepts has it. -#}
{% macro category_by_who_reported() -%}
    CASE
        WHEN measured.is_patient_reported AND event.category = 'survey' THEN 'patient-survey'
        WHEN measured.is_patient_reported THEN 'patient-reported'
        ELSE event.category
    END
{%- endmacro %}
