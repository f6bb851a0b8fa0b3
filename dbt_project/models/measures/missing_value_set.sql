-- Value sets that a measure's own logic asks for and of which no code is known here.
SELECT
    used.measure_id,
    named.name,
    named.value_set_name,
    named.oid
FROM {{ ref('measure_use') }} AS used
INNER JOIN {{ ref('measure_value_set') }} AS named ON used.value_set = named.name
WHERE
    NOT EXISTS (
        SELECT
        FROM {{ ref('value_set') }} AS known
        WHERE named.name = known.name
    )
