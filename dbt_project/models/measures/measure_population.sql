{% for measure in [
    'cms2', 'cms69', 'cms117', 'cms122', 'cms124', 'cms125', 'cms130', 'cms131', 'cms138', 'cms139', 'cms156', 'cms165',
    'cms347', 'cms349', 'cms951'
] %}
SELECT
    person_id,
    measure_id,
    group_number,
    initial_population,
    denominator,
    denominator_exclusion,
    denominator_exception,
    numerator,
    numerator_exclusion,
    reason,
    deciding_rows,
    last_event_date
FROM {{ ref(measure) }}
{{ 'UNION ALL' if not loop.last }}
{% endfor %}
