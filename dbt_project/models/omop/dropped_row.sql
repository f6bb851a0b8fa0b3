-- Every clinical row of bronze that has no row in omop, and why: the other side of the account.
WITH
candidate AS (
    SELECT
        bronze_table,
        bronze_key,
        person_key,
        visit_occurrence_key,
        start_date
    FROM {{ ref('int_bronze_event') }}
    UNION ALL
    SELECT
        'visit_occurrence' AS bronze_table,
        visit.visit_occurrence_key AS bronze_key,
        visit.person_key,
        -- An encounter without a date that is part of a visit takes the visit's.
        visit.visit_occurrence_key,
        visit.visit_start_date AS start_date
    FROM {{ source('bronze', 'visit_occurrence') }} AS visit
    UNION ALL
    SELECT
        'note' AS bronze_table,
        note_key AS bronze_key,
        person_key,
        visit_occurrence_key,
        note_date AS start_date
    FROM {{ source('bronze', 'note') }}
    UNION ALL
    SELECT
        'specimen' AS bronze_table,
        specimen_key AS bronze_key,
        person_key,
        NULL AS visit_occurrence_key,
        specimen_date AS start_date
    FROM {{ source('bronze', 'specimen') }}
    UNION ALL
    SELECT
        'payer_plan_period' AS bronze_table,
        payer_plan_period_key AS bronze_key,
        person_key,
        NULL AS visit_occurrence_key,
        start_date
    FROM {{ source('bronze', 'payer_plan_period') }}
    UNION ALL
    SELECT
        'person' AS bronze_table,
        person_key AS bronze_key,
        person_key,
        NULL AS visit_occurrence_key,
        make_date(1900, 1, 1) AS start_date
    FROM {{ source('bronze', 'person') }}
),

judged AS (
    SELECT
        candidate.bronze_table,
        candidate.bronze_key,
        candidate.person_key,
        CASE
            WHEN crosswalk.person_id IS NULL AND candidate.bronze_table = 'person' THEN 'no_year_of_birth'
            WHEN crosswalk.person_id IS NULL THEN 'no_person'
            WHEN candidate.start_date IS NULL AND visit.visit_start_date IS NULL THEN 'no_date'
            WHEN note.copy_number > 1 THEN 'duplicate_text'
            WHEN coverage.payer_plan_period_key IS NOT NULL THEN 'no_end'
        END AS reason
    FROM candidate
    LEFT JOIN {{ ref('person_crosswalk') }} AS crosswalk ON candidate.person_key = crosswalk.person_key
    LEFT JOIN {{ ref('int_visit') }} AS top ON candidate.visit_occurrence_key = top.visit_key
    LEFT JOIN {{ ref('visit_occurrence') }} AS visit
        ON top.visit_occurrence_id = visit.visit_occurrence_id AND crosswalk.person_id = visit.person_id
    LEFT JOIN {{ ref('int_note') }} AS note ON candidate.bronze_table = 'note' AND candidate.bronze_key = note.note_key
    LEFT JOIN {{ source('bronze', 'payer_plan_period') }} AS coverage
        ON
            candidate.bronze_table = 'payer_plan_period'
            AND candidate.bronze_key = coverage.payer_plan_period_key
            AND coverage.status = 'cancelled'
            AND coverage.end_date IS NULL
    -- Nothing else can have a reason, so that the joins above are of few rows.
    WHERE
        crosswalk.person_id IS NULL
        OR candidate.start_date IS NULL
        OR candidate.bronze_table IN ('note', 'payer_plan_period')
)

SELECT
    bronze_table,
    bronze_key,
    person_key,
    reason
FROM judged
WHERE reason IS NOT NULL
UNION ALL
-- A line of a claim is one of those that made no row of its own and have no money, or money for nothing we know of.
SELECT
    'claim_line' AS bronze_table,
    line.claim_line_key AS bronze_key,
    line.person_key,
    CASE WHEN line.has_money THEN 'no_event' ELSE line.reason_without_row END AS reason
FROM {{ ref('int_claim_line') }} AS line
LEFT JOIN {{ ref('int_cost') }} AS cost
    ON line.claim_line_key = cost.claim_line_key AND cost.cost_event_id IS NOT NULL
WHERE NOT line.is_clinical AND cost.claim_line_key IS NULL
UNION ALL
-- The person has a row, the death has not.
SELECT
    'death' AS bronze_table,
    person_key AS bronze_key,
    person_key,
    'deceased_without_date' AS reason
FROM {{ source('bronze', 'person') }}
WHERE deceased AND death_date IS NULL
UNION ALL
-- A patient's device that nobody says was used has no day, and so no row.
SELECT
    'device' AS bronze_table,
    device.device_key AS bronze_key,
    device.person_key,
    'no_use' AS reason
FROM {{ source('bronze', 'device') }} AS device
LEFT JOIN (
    SELECT coalesce(alias.resource_key, used.device_key) AS device_key
    FROM {{ source('bronze', 'device_exposure') }} AS used
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON used.device_key = alias.alias_key
) AS used ON device.device_key = used.device_key
WHERE device.person_key IS NOT NULL AND used.device_key IS NULL
UNION ALL
-- A place without a time of its own says where the visit was; one of a visit that is not there has none.
SELECT
    'visit_detail' AS bronze_table,
    place.visit_detail_key AS bronze_key,
    place.person_key,
    CASE WHEN visit.visit_occurrence_id IS NULL THEN 'no_visit' ELSE 'place_of_visit' END AS reason
FROM {{ ref('int_place') }} AS place
LEFT JOIN {{ ref('int_visit') }} AS top ON place.visit_occurrence_key = top.visit_key
LEFT JOIN {{ ref('visit_occurrence') }} AS visit ON top.visit_occurrence_id = visit.visit_occurrence_id
WHERE
    visit.visit_occurrence_id IS NULL
    OR (place.visit_detail_start_date IS NULL AND place.care_site_key IS NOT NULL)
