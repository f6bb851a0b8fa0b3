{#- By what a refresh finds the rows it replaces, unless the model has such an index already. -#}
{% macro index_for_refresh() -%}
    {%- set column = model.config.meta.get('refresh', {}).get('by') -%}
    {%- set leading = [] -%}
    {%- for index in model.config.get('indexes', []) -%}
        {%- do leading.append(index.columns[0]) -%}
    {%- endfor -%}
    {%- if column and column not in leading -%}
        CREATE INDEX ON {{ this }} ({{ column }})
    {%- endif -%}
{%- endmacro %}

{#- What has changed by now will be read by every model of this invocation; what changes later, perhaps not. Until all of
    them are made, the tables are of different moments. -#}
{% macro changes_seen() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'seed') and not var('only_feature_days') -%}
        DELETE FROM build.whole_build;
        UPDATE build.changed_person SET seen_by = '{{ invocation_id }}'
    {%- endif -%}
{%- endmacro %}

{#- An invocation that made every model has taken in all changes it began with. -#}
{% macro changes_built(results) -%}
    {%- if execute -%}
        {%- set made = [] -%}
        {%- for result in results if result.node.resource_type == 'model' and result.status == 'success' -%}
            {%- do made.append(result.node.unique_id) -%}
        {%- endfor -%}
        {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list -%}
        {%- if made | length == models | length -%}
            DELETE FROM build.changed_person WHERE seen_by = '{{ invocation_id }}';
            INSERT INTO build.whole_build (project_sha256, period_start, period_end)
            VALUES ('{{ var("project_sha256") }}', {{ period_start() }}, {{ period_end() }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
