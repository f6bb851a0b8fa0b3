-- Which measurements a panel is made of, told in both directions: 581436 leads from the panel to its part, 581437 back.
-- A panel without a value of its own has no row, and so has no relation. 21: the domain Measurement.
WITH
related AS (
    SELECT
        part.person_id,
        panel.cdm_id AS panel_id,
        part.cdm_id AS part_id
    FROM {{ ref('event_source') }} AS part
    INNER JOIN {{ ref('event_source') }} AS panel
        ON
            part.parent_measurement_key = panel.bronze_key
            AND part.person_id = panel.person_id
            AND panel.bronze_table = 'measurement'
            AND panel.cdm_table = 'measurement'
    WHERE part.cdm_table = 'measurement' AND part.parent_measurement_key IS NOT NULL
)

SELECT
    person_id,
    21 AS domain_concept_id_1,
    panel_id AS fact_id_1,
    21 AS domain_concept_id_2,
    part_id AS fact_id_2,
    581436 AS relationship_concept_id
FROM related
UNION ALL
SELECT
    person_id,
    21 AS domain_concept_id_1,
    part_id AS fact_id_1,
    21 AS domain_concept_id_2,
    panel_id AS fact_id_2,
    581437 AS relationship_concept_id
FROM related
