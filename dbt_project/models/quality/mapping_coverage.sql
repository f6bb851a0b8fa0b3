-- What sources wrote in each field that has a concept, and how much of it leads to one. Every lookup is counted by what
-- was looked up before the vocabulary is joined: to hundreds of lists of codings, not to every row.
{%- set events = {
    'condition_occurrence': 'condition_concept_id', 'drug_exposure': 'drug_concept_id',
    'procedure_occurrence': 'procedure_concept_id', 'device_exposure': 'device_concept_id',
    'measurement': 'measurement_concept_id', 'observation': 'observation_concept_id', 'note': 'note_class_concept_id',
} %}
{#- Fields of short lists: table, field, the source's value, the list, and whether every row has to have one. #}
{%- set lists = [
    ('person', 'gender_concept_id', 'gender_source_value', 'administrative-gender', true),
    ('person', 'race_concept_id', 'race_source_value', 'omb-race', true),
    ('person', 'ethnicity_concept_id', 'ethnicity_source_value', 'omb-ethnicity', true),
    ('provider', 'gender_concept_id', 'gender_source_value', 'administrative-gender', true),
    ('visit_occurrence', 'visit_concept_id', 'visit_source_value', 'ActEncounterCode', true),
    ('visit_occurrence', 'admitted_from_concept_id', 'admitted_from_source_value', 'admit-source', false),
    ('visit_occurrence', 'discharged_to_concept_id', 'discharged_to_source_value', 'discharge-disposition', false),
] %}
WITH
by_codings AS (
    SELECT
        cdm_table,
        CASE cdm_table
            {%- for table, field in events.items() %}
            WHEN '{{ table }}' THEN '{{ field }}'
            {%- endfor %}
        END AS cdm_field,
        TRUE AS is_of_every_row,
        codings,
        count(*) AS rows
    FROM {{ ref('event_source') }}
    WHERE cdm_table NOT IN ('visit_occurrence', 'visit_detail')
    GROUP BY cdm_table, codings
    UNION ALL
    SELECT
        cdm_table,
        'value_as_concept_id' AS cdm_field,
        FALSE AS is_of_every_row,
        value_codings AS codings,
        count(*) AS rows
    FROM {{ ref('event_source') }}
    WHERE cdm_table IN ('measurement', 'observation') AND value_codings IS NOT NULL
    GROUP BY cdm_table, value_codings
    UNION ALL
    SELECT
        source.cdm_table,
        'qualifier_concept_id' AS cdm_field,
        FALSE AS is_of_every_row,
        said.reason_codings AS codings,
        count(*) AS rows
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ source('bronze', 'observation') }} AS said
        ON source.bronze_table = 'observation' AND source.bronze_key = said.observation_key
    WHERE source.cdm_table = 'observation' AND said.reason_codings IS NOT NULL AND source.kind <> 'diagnostic-report'
    GROUP BY source.cdm_table, said.reason_codings
    UNION ALL
    SELECT
        source.cdm_table,
        'route_concept_id' AS cdm_field,
        FALSE AS is_of_every_row,
        given.route_codings AS codings,
        count(*) AS rows
    FROM {{ ref('event_source') }} AS source
    INNER JOIN {{ source('bronze', 'drug_exposure') }} AS given
        ON source.bronze_table = 'drug_exposure' AND source.bronze_key = given.drug_exposure_key
    WHERE source.cdm_table = 'drug_exposure' AND given.route_codings IS NOT NULL
    GROUP BY source.cdm_table, given.route_codings
    UNION ALL
    SELECT
        'payer_plan_period' AS cdm_table,
        'payer_concept_id' AS cdm_field,
        TRUE AS is_of_every_row,
        coverage.type_codings AS codings,
        count(*) AS rows
    FROM {{ ref('payer_plan_period') }} AS period
    INNER JOIN {{ ref('int_payer_plan_period') }} AS coverage
        ON period.payer_plan_period_id = coverage.payer_plan_period_key
    GROUP BY coverage.type_codings
    UNION ALL
    SELECT
        'cost' AS cdm_table,
        named.cdm_field,
        FALSE AS is_of_every_row,
        named.codings,
        count(*) AS rows
    FROM {{ ref('int_cost') }} AS cost
    CROSS JOIN
        LATERAL (
            VALUES ('revenue_code_concept_id', cost.revenue_codings), ('drg_concept_id', cost.drg_codings)
        ) AS named (cdm_field, codings)
    WHERE cost.cost_event_id IS NOT NULL AND named.codings IS NOT NULL
    GROUP BY named.cdm_field, named.codings
    UNION ALL
    SELECT
        'specimen' AS cdm_table,
        named.cdm_field,
        named.is_of_every_row,
        named.codings,
        count(*) AS rows
    FROM {{ ref('specimen') }} AS taken
    INNER JOIN {{ source('bronze', 'specimen') }} AS specimen ON taken.specimen_id = specimen.specimen_key
    CROSS JOIN
        LATERAL (
            VALUES
            ('specimen_concept_id', TRUE, specimen.codings),
            ('anatomic_site_concept_id', FALSE, specimen.body_site_codings)
        ) AS named (cdm_field, is_of_every_row, codings)
    WHERE named.is_of_every_row OR named.codings IS NOT NULL
    GROUP BY named.cdm_field, named.is_of_every_row, named.codings
    UNION ALL
    SELECT
        'provider' AS cdm_table,
        'specialty_concept_id' AS cdm_field,
        TRUE AS is_of_every_row,
        practised.specialty_codings AS codings,
        count(*) AS rows
    FROM {{ ref('provider') }} AS provider
    INNER JOIN {{ ref('int_provider_specialty') }} AS practised ON provider.provider_id = practised.provider_key
    GROUP BY practised.specialty_codings
    UNION ALL
    SELECT
        'care_site' AS cdm_table,
        'place_of_service_concept_id' AS cdm_field,
        TRUE AS is_of_every_row,
        site.place_of_service_codings AS codings,
        count(*) AS rows
    FROM {{ ref('care_site') }} AS care_site
    INNER JOIN {{ source('bronze', 'care_site') }} AS site ON care_site.care_site_id = site.care_site_key
    GROUP BY site.place_of_service_codings
),

by_unit AS (
    SELECT
        cdm_table,
        coalesce(unit_code, unit_source_value) AS unit,
        unit_code IS NOT NULL AS is_coded,
        count(*) AS rows
    FROM {{ ref('event_source') }}
    WHERE cdm_table IN ('measurement', 'observation') AND num_nonnulls(unit_code, unit_source_value) > 0
    GROUP BY cdm_table, coalesce(unit_code, unit_source_value), unit_code IS NOT NULL
    UNION ALL
    SELECT
        'specimen' AS cdm_table,
        coalesce(specimen.unit_code, specimen.unit_source_value) AS unit,
        specimen.unit_code IS NOT NULL AS is_coded,
        count(*) AS rows
    FROM {{ ref('specimen') }} AS taken
    INNER JOIN {{ source('bronze', 'specimen') }} AS specimen ON taken.specimen_id = specimen.specimen_key
    WHERE num_nonnulls(specimen.unit_code, specimen.unit_source_value) > 0
    GROUP BY coalesce(specimen.unit_code, specimen.unit_source_value), specimen.unit_code IS NOT NULL
),

route_list AS (
    SELECT
        'http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration' AS system,
        'v3-RouteOfAdministration' AS vocabulary_id
),

looked_up AS (
    SELECT
        used.cdm_table,
        used.cdm_field,
        used.is_of_every_row,
        CASE
            WHEN code.source_code IS NOT NULL THEN coalesce(code.source_vocabulary_id, route_list.vocabulary_id)
        END AS source_vocabulary_id,
        CASE
            WHEN code.source_code IS NOT NULL AND num_nonnulls(code.source_vocabulary_id, route_list.vocabulary_id) = 0
                THEN coalesce(code.source_system_uri, '')
        END AS source_system,
        code.source_code AS code,
        coalesce(code.is_mapped, FALSE) OR coalesce(route.target_concept_id, 0) <> 0 AS is_mapped,
        used.rows
    FROM by_codings AS used
    LEFT JOIN {{ ref('int_code') }} AS code ON used.codings = code.codings AND code.target_number = 1
    LEFT JOIN route_list ON used.cdm_field = 'route_concept_id' AND code.source_system_uri = route_list.system
    LEFT JOIN {{ ref('source_to_concept_map') }} AS route
        ON route_list.vocabulary_id = route.source_vocabulary_id AND code.source_code = route.source_code
    UNION ALL
    SELECT
        used.cdm_table,
        'unit_concept_id' AS cdm_field,
        FALSE AS is_of_every_row,
        CASE WHEN used.is_coded THEN 'UCUM' END AS source_vocabulary_id,
        NULL AS source_system,
        CASE WHEN used.is_coded THEN used.unit END AS code,
        unit.unit_concept_id <> 0 AS is_mapped,
        used.rows
    FROM by_unit AS used
    INNER JOIN {{ ref('int_unit') }} AS unit ON used.unit = unit.unit
    UNION ALL
    SELECT
        'cost' AS cdm_table,
        'currency_concept_id' AS cdm_field,
        TRUE AS is_of_every_row,
        CASE WHEN said.currency IS NOT NULL THEN 'Currency' END AS source_vocabulary_id,
        NULL AS source_system,
        said.currency AS code,
        cost.currency_concept_id <> 0 AS is_mapped,
        count(*) AS rows
    FROM {{ ref('cost') }} AS cost
    INNER JOIN {{ ref('int_cost') }} AS said ON cost.cost_id = said.claim_line_key
    GROUP BY said.currency, cost.currency_concept_id <> 0
    UNION ALL
    -- A part that is a place is known by its name, which is no code, and has the visit's concept.
    SELECT
        'visit_detail' AS cdm_table,
        'visit_detail_concept_id' AS cdm_field,
        TRUE AS is_of_every_row,
        CASE WHEN encounter.class_code IS NOT NULL THEN 'ActEncounterCode' END AS source_vocabulary_id,
        NULL AS source_system,
        encounter.class_code AS code,
        part.visit_detail_concept_id <> 0 AS is_mapped,
        count(*) AS rows
    FROM {{ ref('visit_detail') }} AS part
    LEFT JOIN {{ ref('int_encounter') }} AS encounter ON part.visit_detail_id = encounter.visit_occurrence_key
    GROUP BY encounter.class_code, part.visit_detail_concept_id <> 0
    {%- for table, field, value, list, is_of_every_row in lists %}
    UNION ALL
    SELECT
        '{{ table }}' AS cdm_table,
        '{{ field }}' AS cdm_field,
        {{ is_of_every_row | upper }} AS is_of_every_row,
        CASE WHEN {{ value }} IS NOT NULL THEN '{{ list }}' END AS source_vocabulary_id,
        NULL AS source_system,
        {{ value }} AS code,
        {{ field }} <> 0 AS is_mapped,
        count(*) AS rows
    FROM {{ ref(table) }}
    {{- '' if is_of_every_row else '\n    WHERE ' ~ value ~ ' IS NOT NULL' }}
    GROUP BY {{ value }}, {{ field }} <> 0
    {%- endfor %}
)

SELECT
    cdm_table,
    cdm_field,
    is_of_every_row,
    source_vocabulary_id,
    source_system,
    sum(rows)::bigint AS rows,
    coalesce(sum(rows) FILTER (WHERE is_mapped), 0)::bigint AS rows_mapped,
    count(DISTINCT code) AS codes,
    count(DISTINCT code) FILTER (WHERE is_mapped) AS codes_mapped,
    {{ as_of() }} AS as_of,
    (SELECT max(release.release_id) FROM {{ source('vocab', 'release') }} AS release) AS vocabulary_release
FROM looked_up
GROUP BY cdm_table, cdm_field, is_of_every_row, source_vocabulary_id, source_system
