-- What the coded elements of an event say, in value sets: its value, its reason, its body site.
WITH
said AS (
    {% for element, codings in [
        ('value', 'value_codings'), ('reason', 'reason_codings'), ('body site', 'body_site_codings')
    ] %}
    SELECT
        '{{ element }}' AS element,
        cdm_table,
        cdm_id,
        person_id,
        {{ codings }} AS codings
    FROM {{ ref('event_source') }}
    WHERE {{ codings }} IS NOT NULL AND start_date <= {{ as_of() }}
    {{ 'UNION ALL' if not loop.last }}
    {% endfor %}
),

coded AS (
    SELECT
        said.element,
        said.cdm_table,
        said.cdm_id,
        said.person_id,
        coding.one ->> 'system' AS system,
        coding.one ->> 'code' AS code
    FROM said
    CROSS JOIN LATERAL jsonb_array_elements(said.codings) AS coding (one)
),

{{ matched_codes('coded') }}

SELECT DISTINCT
    matched.name AS value_set,
    coded.element,
    coded.cdm_table,
    coded.cdm_id,
    coded.person_id
FROM matched
INNER JOIN coded ON matched.system = coded.system AND matched.code = coded.code
