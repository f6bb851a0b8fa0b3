-- The slope is that of the least-squares line through all values of the window.
WITH
day AS (
    {{ feature_days() }}
),

value AS (
    SELECT
        measurement.person_id,
        day.as_of,
        measurement.measurement_name,
        measurement.measurement_id,
        measurement.measurement_date,
        measurement.value_as_number,
        measurement.unit,
        measurement.sensitivity,
        measurement.measurement_date > day.as_of - {{ var('trend_days') }} AS is_in_window,
        row_number() OVER (
            PARTITION BY measurement.person_id, day.as_of, measurement.measurement_name
            ORDER BY
                measurement.measurement_date DESC,
                measurement.measurement_datetime DESC NULLS LAST,
                measurement.measurement_id ASC
        ) AS place
    FROM {{ ref('known_measurement') }} AS measurement
    INNER JOIN day
        ON
            {{ known_on('measurement', 'day.as_of') }}
            AND measurement.measurement_date <= day.as_of
),

trend AS (
    SELECT
        person_id,
        as_of,
        measurement_name,
        min(unit) AS unit,
        min(measurement_id) FILTER (WHERE place = 1) AS measurement_id,
        min(value_as_number) FILTER (WHERE place = 1) AS latest_value,
        min(measurement_date) FILTER (WHERE place = 1) AS latest_date,
        min(value_as_number) FILTER (WHERE place = 2) AS previous_value,
        min(measurement_date) FILTER (WHERE place = 2) AS previous_date,
        count(*) FILTER (WHERE is_in_window)::integer AS values_in_window,
        count(DISTINCT measurement_date) FILTER (WHERE is_in_window) AS days_in_window,
        regr_slope(value_as_number::float8, (measurement_date - as_of)::float8)
        FILTER (WHERE is_in_window) AS slope_per_day
    FROM value
    GROUP BY person_id, as_of, measurement_name
),

trend_label AS (
    SELECT
        value.person_id,
        value.as_of,
        value.measurement_name,
        {{ all_labels('label.code') }} AS sensitivity
    FROM value
    CROSS JOIN LATERAL unnest(value.sensitivity) AS label (code)
    WHERE value.place <= 2 OR value.is_in_window
    GROUP BY value.person_id, value.as_of, value.measurement_name
)

SELECT
    trend.person_id,
    trend.as_of,
    trend.measurement_name,
    trend.unit,
    trend.measurement_id,
    trend.latest_value,
    trend.latest_date,
    trend.previous_value,
    trend.previous_date,
    trend.latest_value - trend.previous_value AS change_since_previous,
    trend.values_in_window,
    CASE
        WHEN trend.days_in_window >= {{ var('trend_least_days') }}
            THEN round((trend.slope_per_day * 365.25)::numeric, 6)
    END AS slope_per_year,
    coalesce(trend_label.sensitivity, '{}') AS sensitivity
FROM trend
LEFT JOIN trend_label
    ON
        trend.person_id = trend_label.person_id
        AND trend.as_of = trend_label.as_of
        AND trend.measurement_name = trend_label.measurement_name
