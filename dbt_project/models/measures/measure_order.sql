-- Orders of the value sets the measures use: active or completed, and not orders not to perform.
SELECT
    member.value_set,
    member.cdm_table,
    member.cdm_id,
    member.person_id,
    member.code,
    source.kind,
    source.is_rejected,
    source.start_date AS authored_date
FROM {{ ref('value_set_event') }} AS member
INNER JOIN {{ ref('event_source') }} AS source ON member.cdm_table = source.cdm_table AND member.cdm_id = source.cdm_id
WHERE
    source.kind IN ('service-order', 'device-order')
    AND source.status IN ('active', 'completed')
    AND source.intent IN {{ order_intents() }}
    AND source.start_date <= {{ as_of() }}
