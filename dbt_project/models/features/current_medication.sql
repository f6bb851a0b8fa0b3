-- Records that name one medication are one row, as in problem_list; those under a label are a row of their own, so that
-- who may not see them still sees the others.
WITH
day AS (
    {{ feature_days() }}
),

taken AS (
    SELECT
        drug.*,
        day.as_of
    FROM {{ ref('known_drug') }} AS drug
    INNER JOIN day
        ON
            {{ known_on('drug', 'day.as_of') }}
            AND drug.drug_start_date <= day.as_of
    WHERE
        (drug.drug_end_date >= day.as_of OR drug.drug_end_date IS NULL)
        AND CASE drug.kind
            -- What was handed over lasts as long as it is for, and no longer is known of it.
            WHEN 'dispensing' THEN drug.drug_end_date IS NOT NULL
            ELSE coalesce(drug.status, 'active') = 'active'
        END
)

SELECT
    taken.person_id,
    taken.as_of,
    taken.drug_concept_id,
    taken.unmapped_code,
    coalesce(max(concept.concept_name), max(taken.display), 'not mapped') AS medication_name,
    min(taken.drug_start_date) AS first_date,
    CASE WHEN bool_and(taken.drug_end_date IS NOT NULL) THEN max(taken.drug_end_date) END AS last_date,
    count(*)::integer AS records,
    taken.sensitivity
FROM taken
LEFT JOIN {{ source('vocab', 'concept') }} AS concept
    ON taken.drug_concept_id = concept.concept_id AND concept.concept_id > 0
GROUP BY taken.person_id, taken.as_of, taken.drug_concept_id, taken.unmapped_code, taken.sensitivity
