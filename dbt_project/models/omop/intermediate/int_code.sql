-- Every distinct list of codings once, so that the vocabulary is joined to hundreds of rows and not to every event.
WITH RECURSIVE
codings_list AS (
    {%- for table, column in coded_columns() %}
    SELECT DISTINCT {{ column }} AS codings
    FROM {{ source('bronze', table) }}
    WHERE {{ column }} IS NOT NULL
    UNION
    {%- endfor %}
    -- What features as of an earlier day are made of.
    SELECT DISTINCT content -> 'codings' AS codings
    FROM {{ source('bronze', 'superseded_row') }}
    WHERE jsonb_typeof(content -> 'codings') = 'array'
),

element AS (
    SELECT
        codings_list.codings,
        element.position,
        element.coding ->> 'system' AS system,
        upper(trim(element.coding ->> 'code')) AS code,
        code_system.vocabulary_id
    FROM codings_list
    CROSS JOIN LATERAL jsonb_array_elements(codings_list.codings) WITH ORDINALITY AS element (coding, position)
    LEFT JOIN {{ ref('code_system') }} AS code_system ON element.coding ->> 'system' = code_system.system
),

coding AS (
    SELECT
        codings,
        position,
        system,
        vocabulary_id,
        -- The vocabulary holds NDC with 11 digits; sources hyphenate 4-4-2, 5-3-2 and 5-4-1 as well as 5-4-2.
        CASE
            WHEN vocabulary_id = 'NDC' AND code LIKE '%-%-%'
                THEN
                    lpad(split_part(code, '-', 1), 5, '0')
                    || lpad(split_part(code, '-', 2), 4, '0')
                    || lpad(split_part(code, '-', 3), 2, '0')
            ELSE code
        END AS code
    FROM element
),

source_concept AS (
    SELECT DISTINCT ON (coding.codings, coding.position)
        coding.codings,
        coding.position,
        concept.concept_id,
        concept.domain_id,
        concept.vocabulary_id
    FROM coding
    INNER JOIN {{ source('vocab', 'concept') }} AS concept
        ON coding.vocabulary_id = concept.vocabulary_id AND coding.code = concept.concept_code
    ORDER BY coding.codings, coding.position, concept.invalid_reason NULLS FIRST, concept.concept_id
),

{{ standard_concepts('source_concept') }},

standard_by_vocabulary AS (
    SELECT
        source_concept.codings,
        source_concept.position,
        source_concept.vocabulary_id,
        source_concept.concept_id AS source_concept_id,
        -- Two that replaced one may lead to the same.
        min(standard_concept.mapped_concept_id) AS mapped_concept_id,
        standard_concept.concept_id,
        standard_concept.domain_id
    FROM source_concept
    INNER JOIN standard_concept ON source_concept.concept_id = standard_concept.source_concept_id
    GROUP BY
        source_concept.codings,
        source_concept.position,
        source_concept.vocabulary_id,
        source_concept.concept_id,
        standard_concept.concept_id,
        standard_concept.domain_id
),

-- What a site says of its own codes. It names a vocabulary, or the system as sources write it.
standard_by_site AS (
    SELECT DISTINCT
        coding.codings,
        coding.position,
        coalesce(coding.vocabulary_id, coding.system) AS vocabulary_id,
        coalesce(nullif(map.source_concept_id, 0), source_concept.concept_id, 0) AS source_concept_id,
        target.concept_id,
        target.domain_id
    FROM coding
    INNER JOIN {{ source('vocab', 'source_to_concept_map') }} AS map
        ON
            coding.code = upper(trim(map.source_code))
            AND map.source_vocabulary_id IN (coding.vocabulary_id, coding.system)
            AND map.invalid_reason IS NULL
    INNER JOIN {{ source('vocab', 'concept') }} AS target
        ON
            map.target_concept_id = target.concept_id
            AND target.standard_concept = 'S'
            AND target.invalid_reason IS NULL
    LEFT JOIN source_concept ON coding.codings = source_concept.codings AND coding.position = source_concept.position
),

standard AS (
    SELECT
        codings,
        position,
        vocabulary_id,
        source_concept_id,
        -- A value is part of what the vocabulary says, and the site has said otherwise.
        NULL::integer AS mapped_concept_id,
        concept_id,
        domain_id
    FROM standard_by_site
    UNION ALL
    SELECT
        by_vocabulary.codings,
        by_vocabulary.position,
        by_vocabulary.vocabulary_id,
        by_vocabulary.source_concept_id,
        by_vocabulary.mapped_concept_id,
        by_vocabulary.concept_id,
        by_vocabulary.domain_id
    FROM standard_by_vocabulary AS by_vocabulary
    LEFT JOIN standard_by_site AS by_site
        ON by_vocabulary.codings = by_site.codings AND by_vocabulary.position = by_site.position
    WHERE by_site.codings IS NULL
),

-- Of two codings of one vocabulary the more specific stands for both.
less_specific AS (
    SELECT DISTINCT
        general.codings,
        general.position
    FROM standard AS general
    INNER JOIN standard AS specific
        ON
            general.codings = specific.codings
            AND general.vocabulary_id = specific.vocabulary_id
            AND general.position <> specific.position
            AND general.concept_id <> specific.concept_id
    INNER JOIN {{ source('vocab', 'concept_ancestor') }} AS lineage
        ON
            general.concept_id = lineage.ancestor_concept_id
            AND specific.concept_id = lineage.descendant_concept_id
),

-- The order decides where two codings of several concepts each are in part the more specific one.
chosen AS (
    SELECT DISTINCT ON (standard.codings)
        standard.codings,
        standard.position
    FROM standard
    LEFT JOIN less_specific
        ON standard.codings = less_specific.codings AND standard.position = less_specific.position
    ORDER BY standard.codings, less_specific.position NULLS FIRST, standard.position
),

mapped_value AS (
    SELECT
        mapped.mapped_concept_id,
        min(target.concept_id) AS value_as_concept_id
    FROM (SELECT DISTINCT mapped_concept_id FROM standard) AS mapped
    INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
        ON
            mapped.mapped_concept_id = link.concept_id_1
            AND link.relationship_id = 'Maps to value'
            AND link.invalid_reason IS NULL
    INNER JOIN {{ source('vocab', 'concept') }} AS target
        ON
            link.concept_id_2 = target.concept_id
            AND target.standard_concept = 'S'
            AND target.invalid_reason IS NULL
    GROUP BY mapped.mapped_concept_id
),

first_known AS (
    SELECT DISTINCT ON (codings)
        codings,
        position,
        concept_id,
        domain_id
    FROM source_concept
    ORDER BY codings, position
),

target AS (
    SELECT
        standard.codings,
        standard.position,
        row_number() OVER (PARTITION BY standard.codings ORDER BY standard.concept_id) AS target_number,
        standard.concept_id,
        standard.domain_id,
        standard.source_concept_id,
        mapped_value.value_as_concept_id,
        TRUE AS is_mapped
    FROM standard
    INNER JOIN chosen USING (codings, position)
    LEFT JOIN mapped_value ON standard.mapped_concept_id = mapped_value.mapped_concept_id
    UNION ALL
    SELECT
        codings_list.codings,
        coalesce(first_known.position, 1) AS position,
        1 AS target_number,
        0 AS concept_id,
        first_known.domain_id,
        coalesce(first_known.concept_id, 0) AS source_concept_id,
        NULL AS value_as_concept_id,
        FALSE AS is_mapped
    FROM codings_list
    LEFT JOIN chosen USING (codings)
    LEFT JOIN first_known USING (codings)
    WHERE chosen.codings IS NULL
)

SELECT
    target.codings,
    target.target_number::integer AS target_number,
    target.concept_id,
    target.domain_id,
    target.value_as_concept_id,
    target.source_concept_id,
    target.is_mapped,
    coding.system AS source_system_uri,
    coding.vocabulary_id AS source_vocabulary_id,
    target.codings -> (target.position::integer - 1) ->> 'code' AS source_code
FROM target
LEFT JOIN coding USING (codings, position)
