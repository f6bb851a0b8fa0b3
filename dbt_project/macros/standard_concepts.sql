{#- CTEs that end in standard_concept: for each concept_id of a relation the standard concepts it stands for, and of
    which concept (mapped_concept_id) the vocabulary says so. Who calls it writes WITH RECURSIVE. -#}
{% macro standard_concepts(relation) -%}
-- A deprecated concept that the vocabulary gives no standard one is looked up by what replaced it. Nobody can foresee
-- how many rows a recursion has: without laterals the planner may read the whole vocabulary for a handful.
successor AS (
    SELECT DISTINCT
        concept_id AS source_concept_id,
        concept_id,
        ARRAY[concept_id] AS path
    FROM {{ relation }}
    UNION ALL
    SELECT
        successor.source_concept_id,
        replacement.concept_id,
        successor.path || replacement.concept_id AS path
    FROM successor
    CROSS JOIN LATERAL (
        SELECT link.concept_id_2 AS concept_id
        FROM {{ source('vocab', 'concept') }} AS deprecated
        INNER JOIN {{ source('vocab', 'concept_relationship') }} AS link
            ON
                deprecated.concept_id = link.concept_id_1
                AND link.relationship_id = 'Concept replaced by'
                AND link.invalid_reason IS NULL
        WHERE deprecated.concept_id = successor.concept_id AND deprecated.invalid_reason IS NOT NULL
        OFFSET 0
    ) AS replacement
    WHERE NOT successor.path @> ARRAY[replacement.concept_id]
),

standard_target AS (
    SELECT
        successor.source_concept_id,
        successor.concept_id AS mapped_concept_id,
        target.concept_id,
        target.domain_id,
        rank() OVER (PARTITION BY successor.source_concept_id ORDER BY cardinality(successor.path)) AS nearness
    FROM successor
    CROSS JOIN LATERAL (
        SELECT
            mapped.concept_id,
            mapped.domain_id
        FROM {{ source('vocab', 'concept_relationship') }} AS link
        INNER JOIN {{ source('vocab', 'concept') }} AS mapped
            ON
                link.concept_id_2 = mapped.concept_id
                AND mapped.standard_concept = 'S'
                AND mapped.invalid_reason IS NULL
        WHERE
            link.concept_id_1 = successor.concept_id
            AND link.relationship_id = 'Maps to'
            AND link.invalid_reason IS NULL
        UNION
        -- A standard concept stands for itself, even in a subset that lacks its own Maps to.
        SELECT
            itself.concept_id,
            itself.domain_id
        FROM {{ source('vocab', 'concept') }} AS itself
        WHERE
            itself.concept_id = successor.concept_id
            AND itself.standard_concept = 'S'
            AND itself.invalid_reason IS NULL
    ) AS target
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
