-- Which persons have records of which kinds, and which events happen at which visits.
WITH happened AS (
    SELECT 'condition_occurrence' AS kind, person_id, condition_start_date AS day, visit_occurrence_id
    FROM omop.condition_occurrence
    UNION ALL
    SELECT 'drug_exposure', person_id, drug_exposure_start_date, visit_occurrence_id FROM omop.drug_exposure
    UNION ALL
    SELECT 'device_exposure', person_id, device_exposure_start_date, visit_occurrence_id FROM omop.device_exposure
    UNION ALL
    SELECT 'measurement', person_id, measurement_date, visit_occurrence_id FROM omop.measurement
    UNION ALL
    SELECT 'death', person_id, death_date, NULL FROM omop.death
    UNION ALL
    SELECT 'procedure_occurrence', person_id, procedure_date, visit_occurrence_id FROM omop.procedure_occurrence
    UNION ALL
    SELECT 'observation', person_id, observation_date, visit_occurrence_id FROM omop.observation
),

had AS (
    SELECT
        happened.person_id,
        array_agg(DISTINCT happened.kind) AS kinds,
        array_agg(DISTINCT happened.kind) FILTER (WHERE period.person_id IS NOT NULL) AS observed_kinds
    FROM happened
    LEFT JOIN omop.observation_period AS period
        ON
            happened.person_id = period.person_id
            AND happened.day BETWEEN period.observation_period_start_date AND period.observation_period_end_date
    GROUP BY happened.person_id
),

-- The names in the order of the bits, the first of which stands on the left.
combination AS (
    SELECT
        number::bit(7)::text AS bits,
        ARRAY(
            SELECT name
            FROM unnest(ARRAY[
                'condition_occurrence', 'drug_exposure', 'device_exposure', 'measurement', 'death',
                'procedure_occurrence', 'observation'
            ]) WITH ORDINALITY AS kind (name, place)
            WHERE substr(number::bit(7)::text, place::integer, 1) = '1'
        ) AS kinds
    FROM generate_series(1, 127) AS number
),

at_visit AS (
    SELECT happened.kind, visit.visit_concept_id, count(*) AS records
    FROM happened
    LEFT JOIN omop.visit_occurrence AS visit USING (visit_occurrence_id)
    WHERE happened.kind <> 'death'
    GROUP BY happened.kind, visit.visit_concept_id
),

-- A record is counted at every part of its visit.
at_part AS (
    SELECT happened.kind, part.visit_detail_concept_id, count(*) AS records
    FROM happened
    LEFT JOIN omop.visit_detail AS part USING (visit_occurrence_id)
    WHERE happened.kind <> 'death'
    GROUP BY happened.kind, part.visit_detail_concept_id
)

SELECT
    'persons with conditions and drugs', '{{}}'::text[],
    count(*) FILTER (WHERE observed_kinds @> ARRAY['condition_occurrence', 'drug_exposure']),
    NULL::double precision[]
FROM had
UNION ALL
SELECT
    'persons with conditions and procedures', '{{}}',
    count(*) FILTER (WHERE observed_kinds @> ARRAY['condition_occurrence', 'procedure_occurrence']), NULL
FROM had
UNION ALL
SELECT
    'persons with measurements, conditions and drugs', '{{}}',
    count(*) FILTER (WHERE observed_kinds @> ARRAY['measurement', 'condition_occurrence', 'drug_exposure']), NULL
FROM had
UNION ALL
SELECT
    'persons by combination of kinds',
    ARRAY[combination.bits, (count(had.*)::double precision / (SELECT count(*) FROM omop.person))::text],
    count(had.*), NULL
FROM combination LEFT JOIN had ON had.kinds @> combination.kinds
GROUP BY combination.bits
UNION ALL
-- No visit and a visit of no known kind are counted apart, and both called 0.
SELECT DISTINCT 'records by concept of the visit', ARRAY[coalesce(visit_concept_id, 0)::text, kind], records, NULL::float8[]
FROM at_visit
UNION ALL
SELECT DISTINCT
    'records by concept of the part of the visit', ARRAY[coalesce(visit_detail_concept_id, 0)::text, kind], records,
    NULL::float8[]
FROM at_part
