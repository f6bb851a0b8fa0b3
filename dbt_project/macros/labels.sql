{#- Labels become stricter before the tables they hold for are made, and looser only after: see labelled_row. -#}
{% macro add_labels() -%}
    INSERT INTO access.sensitive_row AS old (cdm_table, cdm_id, person_id, sensitivity)
    SELECT cdm_table, cdm_id, person_id, sensitivity FROM {{ this }} WHERE sensitivity <> '{}'
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
        'event_source', 'payer_plan_period', 'cost', 'condition_era', 'drug_era', 'dose_era',
    ]) }}
{%- endmacro %}

{#- Whether a label hides, of element.coding and what known says of it: one that is unknown, hides rows, or comes from
    another code system than the listed one. -#}
{% macro label_hides() -%}
    coalesce(known.hides_rows OR element.coding ->> 'system' IS DISTINCT FROM known.code_system, TRUE)
{%- endmacro %}

{#- Source records with a label that hides. -#}
{% macro labelled_resources() -%}
    SELECT
        resource.resource_key,
        resource.resource_type,
        resource.security_labels
    FROM {{ source('bronze', 'resource') }} AS resource
    WHERE
        resource.security_labels IS NOT NULL
        AND EXISTS (
            SELECT 1
            FROM jsonb_array_elements(resource.security_labels) AS element (coding)
            LEFT JOIN {{ source('access', 'sensitivity') }} AS known ON element.coding ->> 'code' = known.code
            WHERE {{ label_hides() }}
        )
{%- endmacro %}

{#- Refuses a table made of labels older than its rows: they came in since, or this build left the labels out. -#}
{% macro labels_are_published() -%}
{%- if model.name in labelled_tables() or model.name.startswith('known_') -%}
    DO $labels$ BEGIN
        -- Counted, not asked for one: to find the first, a planner without statistics compares each with each.
        IF (
            SELECT count(*) FROM ({{ labelled_resources() }}) AS resource
            LEFT JOIN {{ ref('int_published_label') }} AS published USING (resource_key, security_labels)
            WHERE published.resource_key IS NULL
        ) > 0 THEN
            RAISE EXCEPTION 'sources have labels that are not published: build +{{ this.identifier }}, while nothing loads';
        END IF;
    END $labels$
{%- endif -%}
{%- endmacro %}
