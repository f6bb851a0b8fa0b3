WITH
fact AS (
    {{ known_rows('person', source('bronze', 'person'), {
        'gender_source_value': 'event.gender_source_value',
        'year_of_birth': 'event.year_of_birth',
        'month_of_birth': 'event.month_of_birth',
        'day_of_birth': 'event.day_of_birth',
        'deceased': 'event.deceased',
        'death_date': 'event.death_date',
    }) }}
),

{{ known_labels(of_visits=false) }}

SELECT
    crosswalk.person_id,
    fact.bronze_key AS source_person_id,
    fact.gender_source_value AS administrative_gender,
    -- As far as it is known: the first of the year or month.
    make_date(fact.year_of_birth, coalesce(fact.month_of_birth, 1), coalesce(fact.day_of_birth, 1)) AS birth_date,
    coalesce(fact.deceased, fact.death_date IS NOT NULL) AS is_deceased,
    fact.death_date,
    {{ utc_day('fact.known_from') }} AS known_from,
    {{ utc_day('fact.known_until') }} AS known_until,
    {{ known_sensitivity(['resource_label.codes', 'person_label.codes'], 'fact.security_labels') }} AS sensitivity
FROM fact
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON fact.person_key = crosswalk.person_key
LEFT JOIN resource_label ON fact.resource_key = resource_label.resource_key
LEFT JOIN person_label ON crosswalk.person_id = person_label.person_id
