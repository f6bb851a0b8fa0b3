WITH
known AS (
    {{ known_rows('person', [
        'gender_source_value', 'year_of_birth', 'month_of_birth', 'day_of_birth', 'deceased', 'death_date',
    ]) }}
)

SELECT
    crosswalk.person_id,
    known.bronze_key AS source_person_id,
    known.gender_source_value AS administrative_gender,
    -- As far as it is known: the first of the year or month.
    make_date(known.year_of_birth, coalesce(known.month_of_birth, 1), coalesce(known.day_of_birth, 1)) AS birth_date,
    coalesce(known.deceased, known.death_date IS NOT NULL) AS is_deceased,
    known.death_date,
    {{ utc_day('known.known_from') }} AS known_from,
    {{ utc_day('known.known_until') }} AS known_until,
    {{ known_sensitivity(['resource_label.codes', 'person_label.codes'], 'known.security_labels') }} AS sensitivity
FROM known
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON known.person_key = crosswalk.person_key
LEFT JOIN (
    SELECT
        resource_key,
        array_agg(code) AS codes
    FROM {{ ref('int_resource_label') }}
    GROUP BY resource_key
) AS resource_label ON known.resource_key = resource_label.resource_key
LEFT JOIN (
    SELECT
        person_id,
        sensitivity AS codes
    FROM {{ ref('int_sensitive_row') }}
    WHERE cdm_table = 'person'
) AS person_label ON crosswalk.person_id = person_label.person_id
