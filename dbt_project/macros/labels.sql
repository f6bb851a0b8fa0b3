{#- Labels become stricter before the tables they hold for are made, and looser only after: see labelled_row. -#}
{% macro add_labels() -%}
    INSERT INTO access.sensitive_row AS old (cdm_table, cdm_id, person_id, sensitivity)
    SELECT cdm_table, cdm_id, person_id, sensitivity FROM {{ this }}
    ON CONFLICT (cdm_table, cdm_id) DO UPDATE SET
        person_id = excluded.person_id,
        sensitivity = ARRAY(SELECT unnest(old.sensitivity) UNION SELECT unnest(excluded.sensitivity) ORDER BY 1)
    WHERE old.person_id <> excluded.person_id OR NOT old.sensitivity @> excluded.sensitivity;
    ANALYZE access.sensitive_row
{%- endmacro %}

{#- Tables of omop whose rows access.sensitive_row may label. -#}
{% macro labelled_tables() -%}
    {{ return([
        'visit_occurrence', 'visit_detail', 'condition_occurrence', 'drug_exposure', 'procedure_occurrence',
        'device_exposure', 'measurement', 'observation', 'specimen', 'note', 'person', 'death', 'observation_period',
        'event_source',
    ]) }}
{%- endmacro %}

{#- Refuses a table made of labels older than its rows: they came in since, or this build left the labels out. -#}
{% macro labels_are_published() -%}
{%- if model.name in labelled_tables() -%}
    DO $labels$ BEGIN
        IF EXISTS (
            SELECT FROM {{ source('bronze', 'resource') }} AS resource
            WHERE
                resource.security_labels IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM {{ ref('int_published_label') }} AS published
                    WHERE
                        published.resource_key = resource.resource_key
                        AND published.security_labels = resource.security_labels
                )
        ) THEN
            RAISE EXCEPTION 'sources have labels that are not published: build +{{ this.identifier }}, while nothing loads';
        END IF;
    END $labels$
{%- endif -%}
{%- endmacro %}
