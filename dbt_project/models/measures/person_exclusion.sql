-- Which rule of the shared exclusions applies to whom; of each rule the earliest rows that decide it.
WITH
first_event AS (
    SELECT DISTINCT ON (person_id, exclusion)
        person_id,
        exclusion,
        start_date,
        jsonb_build_array(jsonb_build_object('cdm_table', cdm_table, 'cdm_id', cdm_id)) AS deciding_rows
    FROM {{ ref('shared_exclusion') }}
    ORDER BY person_id, exclusion, start_date, cdm_table, cdm_id
)

SELECT
    first_event.person_id,
    first_event.exclusion AS rule,
    first_event.start_date AS first_date,
    first_event.exclusion || ' on ' || first_event.start_date AS reason,
    first_event.deciding_rows
FROM first_event
INNER JOIN {{ ref('measure_person') }} AS person ON first_event.person_id = person.person_id
WHERE
    first_event.exclusion IN ('hospice care', 'palliative care')
    OR (first_event.exclusion = 'long-term nursing home resident' AND person.age >= 66)
UNION ALL
SELECT
    frailty.person_id,
    'frailty with advanced illness' AS rule,
    frailty.start_date AS first_date,
    'frailty on ' || frailty.start_date || ' with advanced illness on ' || illness.start_date AS reason,
    frailty.deciding_rows || illness.deciding_rows AS deciding_rows
FROM first_event AS frailty
INNER JOIN first_event AS illness ON frailty.person_id = illness.person_id AND illness.exclusion = 'advanced illness'
INNER JOIN {{ ref('measure_person') }} AS person ON frailty.person_id = person.person_id
WHERE frailty.exclusion = 'frailty' AND person.age >= 66
UNION ALL
SELECT
    frailty.person_id,
    'frailty at 81 or older' AS rule,
    frailty.start_date AS first_date,
    'frailty on ' || frailty.start_date AS reason,
    frailty.deciding_rows
FROM first_event AS frailty
INNER JOIN {{ ref('measure_person') }} AS person ON frailty.person_id = person.person_id
WHERE frailty.exclusion = 'frailty' AND person.age >= 81
