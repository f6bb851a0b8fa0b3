{{ config(post_hook="{{ publish('access.sensitive_row', ['cdm_table', 'cdm_id', 'person_id', 'sensitivity']) }}") }}
-- A row carries the labels of its own resource, of its encounter and that one's whole, of the care site where it
-- happened and the organisations above that, and of its patient. A label that nobody knows hides too.
WITH
label AS (
    SELECT
        resource_key,
        resource_type,
        code
    FROM {{ ref('int_resource_label') }}
),

-- Of a note that arrived several times one copy is kept, with the labels of all.
note_copy AS (
    SELECT
        kept.note_key AS note_id,
        kept.person_id,
        copy.resource_key,
        top.encounter_key,
        top.visit_occurrence_id
    FROM {{ ref('int_note') }} AS kept
    INNER JOIN {{ source('bronze', 'note') }} AS kept_text ON kept.note_key = kept_text.note_key
    INNER JOIN {{ source('bronze', 'note') }} AS copy ON kept_text.text_sha256 = copy.text_sha256
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk
        ON copy.person_key = crosswalk.person_key AND kept.person_id = crosswalk.person_id
    LEFT JOIN {{ ref('int_visit') }} AS top ON copy.visit_occurrence_key = top.visit_key
    WHERE kept.copy_number = 1
),

event AS (
    SELECT
        cdm_table,
        cdm_id,
        person_id,
        resource_key,
        encounter_key,
        visit_occurrence_id
    FROM {{ ref('event_source') }}
    UNION ALL
    SELECT
        'note' AS cdm_table,
        note_id AS cdm_id,
        person_id,
        resource_key,
        encounter_key,
        visit_occurrence_id
    FROM note_copy
),

person_label AS (
    SELECT DISTINCT
        crosswalk.person_id,
        label.code
    FROM label
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
    INNER JOIN label ON event.resource_key = label.resource_key
    UNION
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        encounter_label.code
    FROM event
    CROSS JOIN LATERAL (VALUES (event.encounter_key), (event.visit_occurrence_id)) AS place (place_key)
    INNER JOIN {{ ref('int_encounter_label') }} AS encounter_label ON place.place_key = encounter_label.encounter_key
    UNION
    SELECT
        event.cdm_table,
        event.cdm_id,
        event.person_id,
        person_label.code
    FROM event
    INNER JOIN person_label ON event.person_id = person_label.person_id
    UNION
    -- Tables of one row a person are keyed by the person.
    SELECT
        one_row.cdm_table,
        person_label.person_id AS cdm_id,
        person_label.person_id,
        person_label.code
    FROM person_label
    CROSS JOIN (VALUES ('person'), ('death'), ('observation_period')) AS one_row (cdm_table)
)

SELECT
    cdm_table,
    cdm_id,
    person_id,
    array_agg(code ORDER BY code) AS sensitivity
FROM labelled
GROUP BY cdm_table, cdm_id, person_id
