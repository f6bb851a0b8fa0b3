-- What the site has loaded wins, value set by value set; the starter's public codes fill the rest.
SELECT
    named.name,
    named.oid,
    coalesce(code_system.vocabulary_id, member.system) AS vocabulary_id,
    member.code,
    FALSE AS is_prefix,
    'site' AS origin
FROM {{ ref('measure_value_set') }} AS named
INNER JOIN {{ source('vocab', 'value_set_member') }} AS member ON named.oid = member.oid
LEFT JOIN {{ ref('code_system') }} AS code_system ON member.system = code_system.system
UNION
SELECT
    named.name,
    named.oid,
    coalesce(code_system.vocabulary_id, starter.system) AS vocabulary_id,
    starter.code,
    starter.is_prefix,
    'starter' AS origin
FROM {{ ref('measure_value_set') }} AS named
INNER JOIN {{ ref('starter_value_set') }} AS starter ON named.name = starter.name
LEFT JOIN {{ ref('code_system') }} AS code_system ON starter.system = code_system.system
LEFT JOIN {{ source('vocab', 'value_set_member') }} AS member ON named.oid = member.oid
WHERE member.oid IS NULL
