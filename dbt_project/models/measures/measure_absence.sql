-- What was not done, or was ordered not to be, and the value sets of the reason.
SELECT
    member.value_set,
    member.cdm_table,
    member.cdm_id,
    member.person_id,
    member.code,
    source.status,
    source.start_date,
    reason.value_set AS reason
FROM {{ ref('value_set_event') }} AS member
INNER JOIN {{ ref('event_source') }} AS source ON member.cdm_table = source.cdm_table AND member.cdm_id = source.cdm_id
INNER JOIN {{ ref('measure_element') }} AS reason
    ON source.cdm_table = reason.cdm_table AND source.cdm_id = reason.cdm_id AND reason.element = 'reason'
WHERE source.kind = 'not-done' AND source.start_date <= {{ as_of() }}
