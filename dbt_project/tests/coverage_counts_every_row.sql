{{ config(meta={'dagster': {'ref': {'name': 'mapping_coverage'}}, 'refresh': {'kept': true}}) }}
-- Coverage sums to the tables' own counts: of rows with a concept, and of rows where the field is of every row or the
-- row tells whether something was sent.
{#- Table, field, which rows were sent something (null: not to be seen there), which have a concept of what was sent. #}
{%- set fields = [
    ('condition_occurrence', 'condition_concept_id', 'TRUE', true),
    ('drug_exposure', 'drug_concept_id', 'TRUE', true),
    ('drug_exposure', 'route_concept_id', none, true),
    ('procedure_occurrence', 'procedure_concept_id', 'TRUE', true),
    ('device_exposure', 'device_concept_id', 'TRUE', true),
    ('measurement', 'measurement_concept_id', 'TRUE', true),
    ('measurement', 'unit_concept_id', 'unit_concept_id IS NOT NULL', true),
    ('observation', 'observation_concept_id', 'TRUE', false),
    ('observation', 'unit_concept_id', 'unit_concept_id IS NOT NULL', true),
    ('note', 'note_class_concept_id', 'TRUE', true),
    ('specimen', 'specimen_concept_id', 'TRUE', true),
    ('specimen', 'anatomic_site_concept_id', none, true),
    ('specimen', 'unit_concept_id', 'unit_concept_id IS NOT NULL', true),
    ('visit_occurrence', 'visit_concept_id', 'TRUE', true),
    ('visit_occurrence', 'admitted_from_concept_id', 'admitted_from_source_value IS NOT NULL', true),
    ('visit_occurrence', 'discharged_to_concept_id', 'discharged_to_source_value IS NOT NULL', true),
    ('visit_detail', 'visit_detail_concept_id', 'TRUE', true),
    ('person', 'gender_concept_id', 'TRUE', true),
    ('person', 'race_concept_id', 'TRUE', true),
    ('person', 'ethnicity_concept_id', 'TRUE', true),
    ('payer_plan_period', 'payer_concept_id', 'TRUE', true),
    ('cost', 'currency_concept_id', 'TRUE', true),
    ('cost', 'revenue_code_concept_id', none, true),
    ('cost', 'drg_concept_id', none, true),
    ('provider', 'specialty_concept_id', 'TRUE', true),
    ('provider', 'gender_concept_id', 'TRUE', true),
    ('care_site', 'place_of_service_concept_id', 'TRUE', true),
] %}
WITH
counted AS (
    {%- for table, field, is_sent, has_its_concept in fields %}
    SELECT
        '{{ table }}' AS cdm_table,
        '{{ field }}' AS cdm_field,
        {{ 'count(*) FILTER (WHERE ' ~ is_sent ~ ')' if is_sent else 'NULL::bigint' }} AS rows,
        {{ 'count(*) FILTER (WHERE ' ~ field ~ ' <> 0)' if has_its_concept else 'NULL::bigint' }} AS rows_mapped
    FROM {{ ref(table) }}
    {{- '\n    UNION ALL' if not loop.last }}
    {%- endfor %}
),

covered AS (
    SELECT
        cdm_table,
        cdm_field,
        sum(rows) AS rows,
        sum(rows_mapped) AS rows_mapped
    FROM {{ ref('mapping_coverage') }}
    GROUP BY cdm_table, cdm_field
)

SELECT
    counted.cdm_table,
    counted.cdm_field,
    counted.rows,
    covered.rows AS rows_covered,
    counted.rows_mapped,
    covered.rows_mapped AS rows_mapped_covered
FROM counted
LEFT JOIN covered USING (cdm_table, cdm_field)
WHERE coalesce(covered.rows, 0) <> counted.rows OR coalesce(covered.rows_mapped, 0) <> counted.rows_mapped
