-- What the measures' logic reads of an event: its interval, statuses and value, and which kind of record it is.
-- Orders are in measure_order.
SELECT
    member.value_set,
    member.cdm_table,
    member.cdm_id,
    member.person_id,
    member.code,
    source.bronze_table,
    source.start_date,
    source.start_datetime,
    coalesce(source.end_date, source.start_date) AS end_date,
    -- Prevalence: open-ended while active; an inactive condition without abatement ended at an unknown time.
    CASE
        WHEN source.end_date IS NOT NULL THEN source.end_date
        WHEN source.clinical_status IN ('active', 'recurrence', 'relapse') THEN 'infinity'::date
        WHEN source.clinical_status IS NULL THEN 'infinity'::date
        ELSE source.start_date
    END AS prevalence_end_date,
    source.category,
    source.kind,
    source.status,
    source.intent,
    source.value_number,
    coalesce(source.unit_code, source.unit_source_value) AS unit,
    source.value_codings,
    source.value_number IS NOT NULL
    OR source.value_text IS NOT NULL
    OR source.value_codings IS NOT NULL
    OR source.value_boolean IS NOT NULL AS has_value
FROM {{ ref('value_set_event') }} AS member
INNER JOIN {{ ref('event_source') }} AS source ON member.cdm_table = source.cdm_table AND member.cdm_id = source.cdm_id
WHERE
    source.start_date <= {{ as_of() }}
    AND source.has_happened
    AND source.is_record_of_care
    -- The logic reads Observations, and an AdverseEvent is none.
    AND source.kind IS DISTINCT FROM 'adverse-event'
    -- Encounters count once they are over.
    AND (source.bronze_table <> 'visit_occurrence' OR source.status = 'finished')
