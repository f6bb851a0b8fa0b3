-- What the scores need of a person. Who has no month or day of birth was born on the first, as in measures.
WITH
born AS (
    SELECT
        person_id,
        make_date(year_of_birth, coalesce(month_of_birth, 1), coalesce(day_of_birth, 1)) AS birth_date,
        gender_concept_id,
        race_concept_id
    FROM {{ ref('person') }}
)

SELECT
    person_id,
    birth_date,
    {{ age_on(as_of(), 'birth_date') }} AS age,
    CASE gender_concept_id WHEN 8507 THEN 'male' WHEN 8532 THEN 'female' END AS sex,
    CASE race_concept_id WHEN 8527 THEN 'white' WHEN 8516 THEN 'black' END AS race
FROM born
