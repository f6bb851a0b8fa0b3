{% for measure in ['cms122', 'cms130', 'cms165'] %}
SELECT
    person_id,
    measure_id,
    initial_population,
    denominator_exclusion,
    numerator,
    reason,
    deciding_rows,
    last_event_date
FROM {{ ref(measure) }}
{{ 'UNION ALL' if not loop.last }}
{% endfor %}
