-- One row holds what was known of a person when a day had ended. Its definitions, with their versions, are those of
-- person_feature.yml, which docs/data_dictionary.md shows.
{%- set measured = wide_measurements() -%}
{%- set sloped = wide_slopes() %}
WITH
day AS (
    {{ feature_days() }}
),

known AS (
    SELECT
        person_id,
        min(known_from) AS first_known
    FROM (
        {%- for table in ['known_person', 'known_visit', 'known_condition', 'known_drug', 'known_measurement'] %}
        SELECT
            person_id,
            known_from
        FROM {{ ref(table) }}
        {{- '\n        UNION ALL' if not loop.last }}
        {%- endfor %}
    ) AS fact
    GROUP BY person_id
),

person_day AS (
    SELECT
        person.person_id,
        day.as_of
    FROM {{ ref('person') }} AS person
    INNER JOIN known ON person.person_id = known.person_id
    INNER JOIN day ON known.first_known <= day.as_of
),

-- Who somebody is does not depend on the day: where their record came later than what it is about, its first version
-- says when they were born and their sex, and no more.
told AS (
    SELECT DISTINCT ON (person_day.person_id, person_day.as_of)
        person_day.person_id,
        person_day.as_of,
        record.administrative_gender,
        record.birth_date
    FROM person_day
    INNER JOIN {{ ref('known_person') }} AS record ON person_day.person_id = record.person_id
    WHERE record.known_until > person_day.as_of OR record.known_until IS NULL
    ORDER BY
        person_day.person_id ASC,
        person_day.as_of ASC,
        record.birth_date IS NULL ASC,
        record.known_from <= person_day.as_of DESC,
        CASE WHEN record.known_from > person_day.as_of THEN record.known_from END ASC,
        record.source_person_id = person_day.person_id DESC,
        record.source_person_id ASC
),

died AS (
    SELECT
        person_day.person_id,
        person_day.as_of,
        bool_or(record.is_deceased AND coalesce(record.death_date <= person_day.as_of, TRUE)) AS is_deceased
    FROM person_day
    INNER JOIN {{ ref('known_person') }} AS record
        ON
            person_day.person_id = record.person_id
            AND {{ known_on('record', 'person_day.as_of') }}
    GROUP BY person_day.person_id, person_day.as_of
),

condition AS (
    SELECT
        condition.*,
        day.as_of
    FROM {{ ref('known_condition') }} AS condition
    INNER JOIN day
        ON
            {{ known_on('condition', 'day.as_of') }}
            AND condition.condition_start_date <= day.as_of
    -- As in problem_list: what ended after the day was a problem on it.
    WHERE
        CASE
            WHEN condition.condition_end_date IS NOT NULL THEN condition.condition_end_date > day.as_of
            ELSE coalesce(condition.clinical_status, 'active') IN ('active', 'recurrence', 'relapse')
        END
),

problem AS (
    SELECT
        person_id,
        as_of,
        count(DISTINCT condition_concept_id || ' ' || unmapped_code)::integer AS active_problems,
        bool_or(value_sets @> '{diabetes}') AS has_diabetes,
        bool_or(value_sets @> '{essential_hypertension}') AS has_hypertension
    FROM condition
    GROUP BY person_id, as_of
),

medication AS (
    SELECT
        person_id,
        as_of,
        count(DISTINCT drug_concept_id || ' ' || unmapped_code)::integer AS current_medications
    FROM {{ ref('current_medication') }}
    GROUP BY person_id, as_of
),

measurement AS (
    SELECT
        person_id,
        as_of,
        {%- for column, name in measured.items() %}
        min(latest_value) FILTER (WHERE measurement_name = '{{ name }}') AS {{ column }}_latest,
        min(as_of - latest_date) FILTER (WHERE measurement_name = '{{ name }}') AS {{ column }}_days_since,
        {%- if column in sloped %}
        min(slope_per_year) FILTER (WHERE measurement_name = '{{ name }}') AS {{ column }}_slope_per_year,
        {%- endif %}
        {%- endfor %}
        count(*) AS measurements
    FROM {{ ref('measurement_trend') }}
    GROUP BY person_id, as_of
),

visit AS (
    SELECT
        visit.person_id,
        day.as_of,
        max(visit.visit_start_date) AS latest_date
    FROM {{ ref('known_visit') }} AS visit
    INNER JOIN day
        ON
            {{ known_on('visit', 'day.as_of') }}
            AND visit.visit_start_date <= day.as_of
    GROUP BY visit.person_id, day.as_of
),

used AS (
    SELECT
        person_id,
        as_of,
        {%- for days in [30, 90, 365] %}
        {%- for column in ['emergency_visits', 'outpatient_visits', 'inpatient_stays', 'inpatient_days'] %}
        sum({{ column }}) FILTER (WHERE window_days = {{ days }})::integer AS {{ column }}_{{ days }}d,
        {%- endfor %}
        {%- endfor %}
        count(*) AS windows
    FROM {{ ref('utilisation') }}
    GROUP BY person_id, as_of
),

stay AS (
    SELECT
        person_id,
        as_of,
        bool_or(discharge_date IS NULL) AS is_in_hospital,
        min(as_of - discharge_date) AS days_since_discharge,
        count(*) FILTER (
            WHERE is_readmitted_within_30_days AND next_admission_date > as_of - 365
        )::integer AS readmissions_365d
    FROM {{ ref('readmission') }}
    GROUP BY person_id, as_of
),

labelled AS (
    SELECT
        person_day.person_id,
        person_day.as_of,
        record.sensitivity
    FROM person_day
    INNER JOIN {{ ref('known_person') }} AS record ON person_day.person_id = record.person_id
    UNION ALL
    SELECT
        condition.person_id,
        condition.as_of,
        condition.sensitivity
    FROM condition
    UNION ALL
    SELECT
        visit.person_id,
        day.as_of,
        visit.sensitivity
    FROM {{ ref('known_visit') }} AS visit
    INNER JOIN day
        ON
            {{ known_on('visit', 'day.as_of') }}
            AND visit.visit_start_date <= day.as_of
    {%- for table in ['current_medication', 'measurement_trend', 'readmission', 'utilisation'] %}
    UNION ALL
    SELECT
        person_id,
        as_of,
        sensitivity
    FROM {{ ref(table) }}
    {%- endfor %}
),

row_label AS (
    SELECT
        labelled.person_id,
        labelled.as_of,
        {{ all_labels('label.code') }} AS sensitivity
    FROM labelled
    CROSS JOIN LATERAL unnest(labelled.sensitivity) AS label (code)
    GROUP BY labelled.person_id, labelled.as_of
)

SELECT
    person_day.person_id,
    person_day.as_of,
    '{{ var("feature_set_version") }}' AS feature_set_version,
    extract(YEAR FROM age(person_day.as_of, told.birth_date))::integer AS age_years,
    told.administrative_gender,
    coalesce(died.is_deceased, FALSE) AS is_deceased,
    coalesce(problem.active_problems, 0) AS active_problems,
    coalesce(problem.has_diabetes, FALSE) AS has_diabetes,
    coalesce(problem.has_hypertension, FALSE) AS has_hypertension,
    coalesce(medication.current_medications, 0) AS current_medications,
    {%- for column in measured %}
    measurement.{{ column }}_latest,
    measurement.{{ column }}_days_since,
    {%- if column in sloped %}
    measurement.{{ column }}_slope_per_year,
    {%- endif %}
    {%- endfor %}
    {%- for days in [30, 90, 365] %}
    {%- for column in ['emergency_visits', 'outpatient_visits', 'inpatient_stays', 'inpatient_days'] %}
    coalesce(used.{{ column }}_{{ days }}d, 0) AS {{ column }}_{{ days }}d,
    {%- endfor %}
    {%- endfor %}
    person_day.as_of - visit.latest_date AS days_since_last_visit,
    coalesce(stay.is_in_hospital, FALSE) AS is_in_hospital,
    stay.days_since_discharge,
    coalesce(stay.readmissions_365d, 0) AS readmissions_365d,
    coalesce(row_label.sensitivity, '{}') AS sensitivity
FROM person_day
LEFT JOIN told ON person_day.person_id = told.person_id AND person_day.as_of = told.as_of
LEFT JOIN died ON person_day.person_id = died.person_id AND person_day.as_of = died.as_of
LEFT JOIN problem ON person_day.person_id = problem.person_id AND person_day.as_of = problem.as_of
LEFT JOIN medication ON person_day.person_id = medication.person_id AND person_day.as_of = medication.as_of
LEFT JOIN measurement ON person_day.person_id = measurement.person_id AND person_day.as_of = measurement.as_of
LEFT JOIN visit ON person_day.person_id = visit.person_id AND person_day.as_of = visit.as_of
LEFT JOIN used ON person_day.person_id = used.person_id AND person_day.as_of = used.as_of
LEFT JOIN stay ON person_day.person_id = stay.person_id AND person_day.as_of = stay.as_of
LEFT JOIN row_label ON person_day.person_id = row_label.person_id AND person_day.as_of = row_label.as_of
