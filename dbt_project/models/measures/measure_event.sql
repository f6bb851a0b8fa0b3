-- What the measures' logic reads of an event: its interval, statuses and value, and which kind of record it is. Only
-- what stands: encounters that are over, procedures and immunisations that are completed, observations that are final.
-- Orders of services and devices are in measure_order, what was not done is in measure_absence.
SELECT
    member.value_set,
    member.cdm_table,
    member.cdm_id,
    member.person_id,
    member.code,
    source.bronze_table,
    source.bronze_key,
    source.start_date,
    source.start_datetime,
    CASE
        WHEN source.end_date IS NOT NULL THEN source.end_date
        -- The period of an encounter that has no end goes on: it lies within no other, even when the encounter is over.
        WHEN source.bronze_table = 'visit_occurrence' THEN 'infinity'::date
        ELSE source.start_date
    END AS end_date,
    CASE
        WHEN source.end_date IS NULL AND source.bronze_table <> 'visit_occurrence' THEN source.start_datetime
        ELSE source.end_datetime
    END AS end_datetime,
    -- Prevalence: open-ended while active; an inactive condition without abatement ended at an unknown time.
    CASE
        WHEN source.end_date IS NOT NULL THEN source.end_date
        WHEN source.clinical_status IN ('active', 'recurrence', 'relapse') THEN 'infinity'::date
        WHEN source.clinical_status IS NULL THEN 'infinity'::date
        ELSE source.start_date
    END AS prevalence_end_date,
    {{ texts_of('source.categories') }} AS categories,
    -- What is ordered is ordered, whoever reported it: the logic does not ask.
    CASE WHEN source.kind = 'statement' AND source.intent IS NOT NULL THEN 'prescription' ELSE source.kind END AS kind,
    source.status,
    source.clinical_status,
    source.intent,
    source.is_rejected,
    -- HL7 v2 knows one day of an order.
    coalesce(source.authored_date, CASE source.kind WHEN 'prescription' THEN source.start_date END) AS authored_date,
    source.supply_start_date,
    source.supply_end_date,
    source.total_days_supplied,
    source.refills,
    source.supplied_quantity,
    source.supplied_quantity_unit,
    source.encounter_key,
    source.value_number,
    source.unit_code,
    coalesce(source.unit_code, source.unit_source_value) AS unit,
    source.value_codings,
    source.value_number IS NOT NULL
    OR source.value_text IS NOT NULL
    OR source.value_codings IS NOT NULL
    OR source.value_boolean IS NOT NULL AS has_value
FROM {{ ref('value_set_event') }} AS member
INNER JOIN {{ ref('event_source') }} AS source ON member.cdm_table = source.cdm_table AND member.cdm_id = source.cdm_id
WHERE
    -- What is ordered for later is ordered.
    least(source.start_date, source.authored_date) <= {{ as_of() }}
    AND source.has_happened
    AND source.is_record_of_care
    -- The logic asks when a result was obtained; when it was issued does not tell.
    AND coalesce(source.has_effective_time, TRUE)
    AND CASE
        WHEN source.bronze_table = 'visit_occurrence' THEN source.status = 'finished'
        WHEN source.bronze_table = 'procedure_occurrence' THEN coalesce(source.status, 'completed') = 'completed'
        WHEN source.bronze_table = 'measurement'
            THEN
                source.status IN {{ final_statuses() }}
                OR (member.value_set = 'frailty_symptom' AND source.status = 'preliminary')
        WHEN source.kind = 'immunization' THEN source.status = 'completed'
        WHEN source.kind = 'diagnostic-report' THEN source.status IN {{ final_statuses() }}
        ELSE TRUE
    END
