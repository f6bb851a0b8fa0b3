{#- CTEs that end in standard_concept: for each concept_id of a relation the standard concepts it stands for, and of
    which concept (mapped_concept_id) the vocabulary says so. Who calls it writes WITH RECURSIVE. -#}
{% macro standard_concepts(relation) -%}
-- A deprecated concept that the vocabulary gives no standard one is looked up by what replaced it.
successor AS (
    SELECT DISTINCT
        concept_id AS source_concept_id,
        concept_id,
        ARRAY[concept_id] AS path
    FROM {{ relation }}
    UNION ALL
    SELECT
        successor.source_concept_id,
        link.concept_id_2 AS concept_id,
        successor.path || link.concept_id_2 AS path
    FROM successor
    INNER JOIN {{ source('vocab', 'concept') }} AS deprecated
        ON successor.concept_id = deprecated.concept_id AND deprecated.invalid_reason IS NOT NULL
    INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
        ON
            successor.concept_id = link.concept_id_1
            AND link.relationship_id = 'Concept replaced by'
            AND link.invalid_reason IS NULL
    WHERE NOT successor.path @> ARRAY[link.concept_id_2]
),

-- A standard concept stands for itself, even in a subset that lacks its own Maps to.
leads_to AS (
    SELECT
        successor.source_concept_id,
        successor.concept_id AS mapped_concept_id,
        cardinality(successor.path) AS distance,
        link.concept_id_2 AS concept_id
    FROM successor
    INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
        ON
            successor.concept_id = link.concept_id_1
            AND link.relationship_id = 'Maps to'
            AND link.invalid_reason IS NULL
    UNION
    SELECT
        source_concept_id,
        concept_id AS mapped_concept_id,
        cardinality(path) AS distance,
        concept_id
    FROM successor
),

standard_target AS (
    SELECT
        leads_to.source_concept_id,
        leads_to.mapped_concept_id,
        target.concept_id,
        target.domain_id,
        rank() OVER (PARTITION BY leads_to.source_concept_id ORDER BY leads_to.distance) AS nearness
    FROM leads_to
    INNER JOIN {{ source('vocab', 'concept') }} AS target
        ON
            leads_to.concept_id = target.concept_id
            AND target.standard_concept = 'S'
            AND target.invalid_reason IS NULL
),

standard_concept AS (
    SELECT
        source_concept_id,
        mapped_concept_id,
        concept_id,
        domain_id
    FROM standard_target
    WHERE nearness = 1
)
{%- endmacro %}
