{{ config(post_hook="{{ add_labels() }}") }}
-- Spans of one condition, one ingredient, or one ingredient at one daily dose: the next record begins at most 30 days
-- after the last day of those before it. Records under labels make spans of their own, so that a span that anybody may
-- see tells of no record that is hidden.
WITH
-- Few of the vocabulary's drugs are given to anybody.
given AS (
    SELECT DISTINCT drug_concept_id
    FROM {{ ref('drug_exposure') }}
    WHERE drug_concept_id > 0
),

ingredient AS (
    SELECT
        given.drug_concept_id,
        concept.concept_id AS ingredient_concept_id
    FROM given
    INNER JOIN {{ source('vocab', 'concept_ancestor') }} AS lineage
        ON given.drug_concept_id = lineage.descendant_concept_id
    INNER JOIN {{ source('vocab', 'concept') }} AS concept ON lineage.ancestor_concept_id = concept.concept_id
    WHERE concept.concept_class_id = 'Ingredient' AND concept.standard_concept = 'S'
    -- A subset of the vocabulary may lack that a concept is its own ancestor.
    UNION
    SELECT
        given.drug_concept_id,
        concept.concept_id AS ingredient_concept_id
    FROM given
    INNER JOIN {{ source('vocab', 'concept') }} AS concept ON given.drug_concept_id = concept.concept_id
    WHERE concept.concept_class_id = 'Ingredient' AND concept.standard_concept = 'S'
),

exposure AS (
    SELECT
        drug.drug_exposure_id,
        drug.person_id,
        drug.drug_concept_id,
        drug.drug_exposure_start_date,
        drug.drug_exposure_end_date,
        drug.quantity,
        drug.days_supply,
        coalesce(label.sensitivity, '{}') AS sensitivity
    FROM {{ ref('drug_exposure') }} AS drug
    LEFT JOIN {{ ref('int_sensitive_row') }} AS label
        ON label.cdm_table = 'drug_exposure' AND drug.drug_exposure_id = label.cdm_id
),

part AS (
    SELECT
        'condition_era' AS cdm_table,
        condition.person_id,
        condition.condition_concept_id AS concept_id,
        NULL::integer AS unit_concept_id,
        NULL::numeric AS dose_value,
        coalesce(label.sensitivity, '{}') AS sensitivity,
        condition.condition_occurrence_id AS row_id,
        condition.condition_start_date AS start_date,
        -- OHDSI's script gives a condition without an end one day more.
        greatest(
            condition.condition_start_date,
            coalesce(condition.condition_end_date, condition.condition_start_date + 1)
        ) AS end_date
    FROM {{ ref('condition_occurrence') }} AS condition
    LEFT JOIN {{ ref('int_sensitive_row') }} AS label
        ON label.cdm_table = 'condition_occurrence' AND condition.condition_occurrence_id = label.cdm_id
    -- Codes without a concept are not one condition.
    WHERE condition.condition_concept_id > 0
    UNION ALL
    SELECT
        'drug_era' AS cdm_table,
        exposure.person_id,
        ingredient.ingredient_concept_id AS concept_id,
        NULL AS unit_concept_id,
        NULL AS dose_value,
        exposure.sensitivity,
        exposure.drug_exposure_id AS row_id,
        exposure.drug_exposure_start_date AS start_date,
        exposure.drug_exposure_end_date AS end_date
    FROM exposure
    INNER JOIN ingredient ON exposure.drug_concept_id = ingredient.drug_concept_id
    UNION ALL
    -- A day's dose is known of what is counted in pieces of a stated strength and lasts for a stated number of days.
    SELECT
        'dose_era' AS cdm_table,
        exposure.person_id,
        strength.ingredient_concept_id AS concept_id,
        strength.amount_unit_concept_id AS unit_concept_id,
        trim_scale(round(strength.amount_value * exposure.quantity / exposure.days_supply, 6)) AS dose_value,
        exposure.sensitivity,
        exposure.drug_exposure_id AS row_id,
        exposure.drug_exposure_start_date AS start_date,
        exposure.drug_exposure_end_date AS end_date
    FROM exposure
    INNER JOIN {{ source('vocab', 'drug_strength') }} AS strength
        ON exposure.drug_concept_id = strength.drug_concept_id
    WHERE
        exposure.quantity > 0
        AND exposure.days_supply > 0
        AND strength.amount_value > 0
        AND strength.amount_unit_concept_id IS NOT NULL
        AND strength.invalid_reason IS NULL
),

follower AS (
    SELECT
        part.*,
        max(part.end_date) OVER (
            PARTITION BY
                part.cdm_table, part.person_id, part.concept_id, part.unit_concept_id, part.dose_value, part.sensitivity
            ORDER BY part.start_date, part.end_date, part.row_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS end_so_far
    FROM part
),

numbered AS (
    SELECT
        follower.*,
        count(*) FILTER (WHERE follower.start_date - follower.end_so_far > {{ persistence_window() }}) OVER (
            PARTITION BY
                follower.cdm_table,
                follower.person_id,
                follower.concept_id,
                follower.unit_concept_id,
                follower.dose_value,
                follower.sensitivity
            ORDER BY follower.start_date, follower.end_date, follower.row_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS era_number
    FROM follower
),

era AS (
    SELECT
        cdm_table,
        person_id,
        concept_id,
        unit_concept_id,
        dose_value,
        sensitivity,
        min(start_date) AS start_date,
        max(end_date) AS end_date,
        count(DISTINCT row_id)::integer AS records,
        -- From the last day of one record to the first of the next, where they don't overlap.
        coalesce(
            sum(start_date - end_so_far) FILTER (
                WHERE start_date - end_so_far BETWEEN 1 AND {{ persistence_window() }}
            ), 0
        )::integer AS gap_days
    FROM numbered
    GROUP BY cdm_table, person_id, concept_id, unit_concept_id, dose_value, sensitivity, era_number
)

SELECT
    cdm_table,
    {{ hashed_key([
        "cdm_table", "person_id::text", "concept_id::text", "coalesce(unit_concept_id::text, '')",
        "coalesce(dose_value::text, '')", "array_to_string(sensitivity, ',')", "start_date::text",
    ]) }} AS cdm_id,
    person_id,
    concept_id,
    unit_concept_id,
    dose_value,
    start_date,
    end_date,
    records,
    gap_days,
    sensitivity
FROM era
