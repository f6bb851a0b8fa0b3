{#- The eraser deletes one person's rows of what dbt builds; it reads the keys that lead to them and nothing else. -#}
{% macro let_eraser_delete() -%}
    {%- set keys = [
        'person_id', 'person_key', 'hub_key', 'bronze_key', 'resource_key', 'alias_key', 'location_key', 'location_id',
        'visit_key', 'encounter_key', 'visit_occurrence_id', 'scope_id', 'note_id', 'fact_id_1', 'fact_id_2',
    ] -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(this) if column.name in keys -%}
            {%- do found.append(column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if found -%}
        GRANT DELETE, SELECT ({{ found | join(', ') }}) ON {{ this }} TO sanctum_eraser;
        DO $eraser$ BEGIN
            IF current_setting('server_version_num')::integer >= 170000 THEN
                EXECUTE 'GRANT MAINTAIN ON {{ this }} TO sanctum_eraser';
            END IF;
        END $eraser$
    {%- endif -%}
{%- endmacro %}
