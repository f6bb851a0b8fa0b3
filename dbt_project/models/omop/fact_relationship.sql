SELECT
    domain_concept_id_1,
    fact_id_1,
    domain_concept_id_2,
    fact_id_2,
    relationship_concept_id
FROM {{ ref('int_fact_relationship') }}
