-- From the first to the last that is recorded without a label: a period that began with a labelled visit would tell its
-- day. Of whom everything is labelled it is the whole, and labelled itself.
WITH
seen AS (
    SELECT
        person_id,
        cdm_table,
        event_id AS cdm_id,
        start_date,
        coalesce(end_date, start_date) AS end_date
    FROM {{ ref('int_event') }}
    -- How somebody is insured is nothing that was seen of them, and may be told of months to come.
    WHERE category IS DISTINCT FROM 'coverage'
    UNION ALL
    SELECT
        person_id,
        'visit_occurrence' AS cdm_table,
        visit_occurrence_id AS cdm_id,
        visit_start_date AS start_date,
        visit_end_date AS end_date
    FROM {{ ref('visit_occurrence') }}
    UNION ALL
    SELECT
        person_id,
        'specimen' AS cdm_table,
        specimen_id AS cdm_id,
        specimen_date AS start_date,
        specimen_date AS end_date
    FROM {{ ref('specimen') }}
    UNION ALL
    SELECT
        person_id,
        'note' AS cdm_table,
        note_id AS cdm_id,
        note_date AS start_date,
        note_date AS end_date
    FROM {{ ref('note') }}
),

judged AS (
    SELECT
        seen.person_id,
        seen.start_date,
        seen.end_date,
        label.cdm_id IS NOT NULL AS is_labelled
    FROM seen
    LEFT JOIN {{ ref('int_sensitive_row') }} AS label
        ON seen.cdm_table = label.cdm_table AND seen.cdm_id = label.cdm_id
),

spanned AS (
    SELECT
        person_id,
        coalesce(min(start_date) FILTER (WHERE NOT is_labelled), min(start_date)) AS first_start,
        coalesce(max(start_date) FILTER (WHERE NOT is_labelled), max(start_date)) AS last_start,
        coalesce(max(end_date) FILTER (WHERE NOT is_labelled), max(end_date)) AS last_end
    FROM judged
    GROUP BY person_id
)

SELECT
    person_id AS observation_period_id,
    person_id,
    first_start AS observation_period_start_date,
    -- A planned end, such as a supply that lasts, is not an observation.
    greatest(last_start, least(last_end, {{ as_of() }})) AS observation_period_end_date,
    32817 AS period_type_concept_id
FROM spanned
