{{ config(post_hook="{{ add_labels() }}") }}
-- A row carries the labels of its own resource, of the medication, device or payer it names, of its encounter with all
-- that int_encounter_label says of that, of the claim it is made of with all that int_claim_label says of that, and of
-- its patient. Made of bronze before any table of omop, so that no row is there before its labels are.
WITH
-- Of a note that arrived several times one copy is kept, with the labels of all.
note_copy AS (
    SELECT
        kept.note_key AS note_id,
        kept.person_id,
        copy.resource_key,
        coalesce(alias.resource_key, copy.visit_occurrence_key) AS encounter_key
    FROM {{ ref('int_note') }} AS kept
    INNER JOIN {{ source('bronze', 'note') }} AS copy ON kept.text_sha256 = copy.text_sha256
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk
        ON copy.person_key = crosswalk.person_key AND kept.person_id = crosswalk.person_id
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON copy.visit_occurrence_key = alias.alias_key
    WHERE kept.copy_number = 1
),

event AS (
    SELECT
        cdm_table,
        event_id AS cdm_id,
        person_id,
        resource_key,
        encounter_key
    FROM {{ ref('int_event') }}
    UNION ALL
    SELECT
        CASE WHEN top.encounter_key = top.visit_occurrence_id THEN 'visit_occurrence' ELSE 'visit_detail' END
            AS cdm_table,
        visit.visit_occurrence_key AS cdm_id,
        whole.person_id,
        visit.resource_key,
        visit.visit_occurrence_key AS encounter_key
    FROM {{ ref('int_encounter') }} AS visit
    INNER JOIN {{ ref('int_visit') }} AS top ON visit.visit_occurrence_key = top.visit_key
    INNER JOIN {{ ref('int_visit_occurrence') }} AS whole ON top.visit_occurrence_id = whole.visit_occurrence_id
    UNION ALL
    SELECT
        'visit_detail' AS cdm_table,
        place.visit_detail_key AS cdm_id,
        whole.person_id,
        place.resource_key,
        place.visit_occurrence_key AS encounter_key
    FROM {{ ref('int_place') }} AS place
    INNER JOIN {{ ref('int_visit') }} AS top ON place.visit_occurrence_key = top.visit_key
    INNER JOIN {{ ref('int_visit_occurrence') }} AS whole ON top.visit_occurrence_id = whole.visit_occurrence_id
    UNION ALL
    SELECT
        'specimen' AS cdm_table,
        specimen.specimen_key AS cdm_id,
        crosswalk.person_id,
        specimen.resource_key,
        NULL AS encounter_key
    FROM {{ source('bronze', 'specimen') }} AS specimen
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON specimen.person_key = crosswalk.person_key
    WHERE specimen.specimen_date IS NOT NULL
    UNION ALL
    SELECT
        'payer_plan_period' AS cdm_table,
        payer_plan_period_key AS cdm_id,
        person_id,
        resource_key,
        NULL AS encounter_key
    FROM {{ ref('int_payer_plan_period') }}
    UNION ALL
    SELECT
        'cost' AS cdm_table,
        cost.claim_line_key AS cdm_id,
        cost.person_id,
        cost.resource_key,
        cost.encounter_key
    FROM {{ ref('int_cost') }} AS cost
    UNION ALL
    SELECT
        'note' AS cdm_table,
        note_id AS cdm_id,
        person_id,
        resource_key,
        encounter_key
    FROM note_copy
),

person_label AS (
    SELECT DISTINCT
        crosswalk.person_id,
        label.code
    FROM {{ ref('int_resource_label') }} AS label
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON label.resource_key = crosswalk.person_key
    WHERE label.resource_type = 'Patient'
),

labelled AS (
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        label.code
    FROM event
    INNER JOIN {{ ref('int_resource_label') }} AS label ON event.resource_key = label.resource_key
    UNION
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        label.code
    FROM event
    INNER JOIN {{ ref('int_encounter_label') }} AS label ON event.encounter_key = label.encounter_key
    UNION
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        label.code
    FROM event
    INNER JOIN {{ ref('int_named_resource') }} AS named ON event.resource_key = named.resource_key
    INNER JOIN {{ ref('int_resource_label') }} AS label ON named.named_key = label.resource_key
    UNION
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        label.code
    FROM event
    INNER JOIN {{ ref('int_claim_label') }} AS label ON event.resource_key = label.resource_key
    UNION
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        label.code
    FROM event
    INNER JOIN {{ ref('int_payer_plan_period') }} AS coverage ON event.resource_key = coverage.resource_key
    INNER JOIN {{ ref('int_care_site_label') }} AS label ON coverage.care_site_key = label.care_site_key
    UNION
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        person_label.code
    FROM event
    INNER JOIN person_label ON event.person_id = person_label.person_id
),

-- Who has nothing but labelled rows: when that was is as sensitive as all of them.
hidden_person AS (
    SELECT event.person_id
    FROM event
    LEFT JOIN labelled ON event.cdm_table = labelled.cdm_table AND event.cdm_id = labelled.cdm_id
    -- Those that observation_period is made of.
    WHERE event.cdm_table NOT IN ('cost', 'payer_plan_period')
    GROUP BY event.person_id
    HAVING bool_and(labelled.code IS NOT NULL)
),

with_persons AS (
    SELECT
        cdm_table,
        cdm_id,
        person_id,
        code
    FROM labelled
    UNION
    -- Tables of one row a person are keyed by the person.
    SELECT
        one_row.cdm_table,
        person_label.person_id AS cdm_id,
        person_label.person_id,
        person_label.code
    FROM person_label
    CROSS JOIN (VALUES ('person'), ('death'), ('observation_period')) AS one_row (cdm_table)
    UNION
    SELECT
        'observation_period' AS cdm_table,
        labelled.person_id AS cdm_id,
        labelled.person_id,
        labelled.code
    FROM labelled
    INNER JOIN hidden_person ON labelled.person_id = hidden_person.person_id
)

SELECT
    cdm_table,
    cdm_id,
    person_id,
    array_agg(code ORDER BY code) AS sensitivity
FROM with_persons
GROUP BY cdm_table, cdm_id, person_id
